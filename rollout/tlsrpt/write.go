package tlsrpt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"
)

// The members of a report in the order of RFC 8460 4.
type (
	jsonReport struct {
		OrganizationName string       `json:"organization-name"`
		DateRange        jsonRange    `json:"date-range"`
		ContactInfo      string       `json:"contact-info"`
		ReportID         string       `json:"report-id"`
		Policies         []jsonPolicy `json:"policies"`
	}
	jsonRange struct {
		Start time.Time `json:"start-datetime"`
		End   time.Time `json:"end-datetime"`
	}
	jsonPolicy struct {
		Policy  jsonApplied   `json:"policy"`
		Summary jsonSummary   `json:"summary"`
		Details []jsonFailure `json:"failure-details,omitempty"`
	}
	jsonApplied struct {
		Type    PolicyType `json:"policy-type"`
		Strings []string   `json:"policy-string,omitempty"`
		Domain  string     `json:"policy-domain,omitempty"`
		MXHosts []string   `json:"mx-host,omitempty"`
	}
	jsonSummary struct {
		Successful int64 `json:"total-successful-session-count"`
		Failed     int64 `json:"total-failure-session-count"`
	}
	jsonFailure struct {
		Type           ResultType  `json:"result-type"`
		SendingIP      *netip.Addr `json:"sending-mta-ip,omitempty"`
		ReceivingMX    string      `json:"receiving-mx-hostname,omitempty"`
		ReceivingHELO  string      `json:"receiving-mx-helo,omitempty"`
		ReceivingIP    *netip.Addr `json:"receiving-ip,omitempty"`
		Sessions       int64       `json:"failed-session-count"`
		AdditionalInfo string      `json:"additional-information,omitempty"`
		ReasonCode     string      `json:"failure-reason-code,omitempty"`
	}
)

// JSON returns the report as RFC 8460 4 writes it, on one line. Members that are
// empty and optional are left out. ParseReport reads back what it returned before.
// Bytes that are not UTF-8 become U+FFFD; a time outside the years 0 to 9999 is an
// error.
func (r Report) JSON() ([]byte, error) {
	out := jsonReport{
		OrganizationName: r.OrganizationName,
		DateRange:        jsonRange{r.Start.UTC(), r.End.UTC()},
		ContactInfo:      r.ContactInfo,
		ReportID:         r.ReportID,
		Policies:         make([]jsonPolicy, 0, len(r.Policies)),
	}
	for _, p := range r.Policies {
		policy := jsonPolicy{
			Policy:  jsonApplied{p.Type, p.Strings, p.Domain, p.MXHosts},
			Summary: jsonSummary{p.Successful, p.Failed},
		}
		for _, f := range p.Failures {
			policy.Details = append(policy.Details, jsonFailure{
				f.Type, present(f.SendingIP), f.ReceivingMX, f.ReceivingHELO, present(f.ReceivingIP),
				f.Sessions, f.AdditionalInfo, f.ReasonCode,
			})
		}
		out.Policies = append(out.Policies, policy)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("write TLS report %s: %w", r.ReportID, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// present returns nil for the zero Addr, so that it is left out.
func present(a netip.Addr) *netip.Addr {
	if !a.IsValid() {
		return nil
	}
	return &a
}
