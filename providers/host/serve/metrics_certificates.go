package serve

import "belay/rollout"

// accountable are Certificates that know more of each than what is shown in a
// handshake: when it is due, and what stood in the way.
type accountable interface {
	States() []rollout.HostCertificate
}

// certificateMetrics tell of certificates that the server renews itself.
func (s *Server) certificateMetrics(w *exposition) {
	kept, ok := s.o.Certificates.(accountable)
	if !ok {
		return
	}
	states := kept.States()
	now := s.o.Clock.Now()
	w.of("belay_serve_certificate_renewal_due_timestamp_seconds", "gauge", "When the certificate is due to be renewed.")
	for _, c := range states {
		if !c.RenewAt.IsZero() {
			w.sample(float64(c.RenewAt.Unix()), "host", c.Host)
		}
	}
	w.of("belay_serve_certificate_obtained_timestamp_seconds", "gauge", "When the certificate was obtained.")
	for _, c := range states {
		if c.Exists() {
			w.sample(float64(c.Obtained.Unix()), "host", c.Host)
		}
	}
	w.of("belay_serve_certificate_attempts_failed", "gauge", "Attempts to obtain or renew it that failed in a row; kind is the CA's problem type.")
	late := 0
	for _, c := range states {
		if c.Trouble != nil {
			w.sample(float64(c.Trouble.Tries), "host", c.Host, "kind", c.Trouble.Kind)
		}
		if c.Late(now) {
			late++
		}
	}
	w.of("belay_serve_certificates_late", "gauge", "Certificates that should have been renewed and were not.")
	w.sample(float64(late))
}
