package vendor

import (
	"fmt"
	"net/http"
	"strings"
)

// The ways in which a policy that Valimail keeps lacks a certificate.
const (
	// CertificateLost has none: the policy host serves nobody.
	CertificateLost = "lost"
	// CertificateDoubted has one, and Valimail says that it could not be had.
	CertificateDoubted = "doubted"
)

// SetCertificate has every policy be kept, with its certificate CertificateLost or
// CertificateDoubted; "" has it stand.
func (v *Valimail) SetCertificate(how string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.certificate = how
}

// Serves reports whether there is a certificate, and a policy, for a host.
func (v *Valimail) Serves(host string) bool {
	mode, _, _ := v.Policy(strings.TrimPrefix(plain(host), "mta-sts."))
	v.mu.Lock()
	lost := v.state.certificate == CertificateLost
	v.mu.Unlock()
	return !lost && mode != "" && strings.HasPrefix(plain(host), "mta-sts.")
}

// Edge is what the policy host answers.
func (v *Valimail) Edge() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		p, ok := v.state.policies[strings.TrimPrefix(plain(r.Host), "mta-sts.")]
		v.mu.Unlock()
		if !ok || r.URL.Path != "/.well-known/mta-sts.txt" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, p.text())
	})
}

// text is the body in the order and with the line ends that Valimail has.
func (p valimailPolicy) text() string {
	lines := []string{"version: STSv1", "mode: " + p.Mode, fmt.Sprintf("max_age: %d", p.MaxAge)}
	for _, mx := range p.MX {
		lines = append(lines, "mx: "+mx)
	}
	return strings.Join(lines, "\n") + "\n"
}

// certificate is what is told of a certificate.
func (v *Valimail) certificate() map[string]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.state.certificate != "" {
		return map[string]string{"status": "failed", "details": noCertificate}
	}
	return map[string]string{"status": "success", "details": "Certificate is valid", "expiration-date": "2027-03-01T00:00:00Z"}
}

// certified reports whether the certificate of a domain's policy host can be had:
// all three names lead here, and it was waited for.
func (v *Valimail) certified(domain string) bool {
	v.mu.Lock()
	v.state.tries--
	waits := v.state.tries >= 0
	v.mu.Unlock()
	return !waits && (v.Leads == nil || v.Leads("mta-sts."+domain) == ValimailHost &&
		v.Leads("_mta-sts."+domain) == domain+valimailRecord && v.Leads("_smtp._tls."+domain) == domain+valimailReports)
}
