package tlsrpt

import (
	"net/netip"
	"time"
)

// Limits of what ParseReport reads. RFC 8460 gives none; receivers commonly
// refuse mail beyond ten megabytes.
const (
	// MaxReport is the largest report, in bytes after decompression.
	MaxReport = 50 << 20
	// MaxWire is the largest compressed report, in bytes.
	MaxWire = 10 << 20
)

// Report is one TLS report: what one sender met, usually over one UTC day, when
// it delivered mail to one domain (RFC 8460 4). It is what the sender claims;
// text in it is kept as it came and must pass finding.Clean before it is shown.
type Report struct {
	// OrganizationName is who reports; empty if the report does not say.
	OrganizationName string
	// Start and End bound the period, in UTC. End is the last second of the
	// day or the first of the next, as senders differ.
	Start, End time.Time
	// ContactInfo is a mail address, or whatever the sender put there.
	ContactInfo string
	// ReportID is unique for the sender; empty if the report has none.
	ReportID string
	// Policies holds one entry for each policy applied. Entries of type STS
	// and TLSA may count the same sessions: never add them up.
	Policies []Policy
}

// PolicyType says which mechanism a sender applied (RFC 8460 4.4).
type PolicyType string

// The policy types. Others are kept as the sender wrote them.
const (
	STS           PolicyType = "sts"
	TLSA          PolicyType = "tlsa"
	NoPolicyFound PolicyType = "no-policy-found"
)

// Policy is one policy that a sender applied, and what came of it.
type Policy struct {
	Type PolicyType
	// Strings are the lines of the policy as the sender saw them, mistakes
	// included, without their line ends; or TLSA records.
	Strings []string
	// Domain is the policy domain in lower case A-labels without trailing dot;
	// for TLSA an MX host. Empty if the report does not say.
	Domain string
	// MXHosts are the MX patterns of the policy.
	MXHosts []string
	// Successful and Failed count sessions (total-successful-session-count,
	// total-failure-session-count), each 0 to 1<<53-1.
	Successful, Failed int64
	// Failures need not add up to Failed: one session may fail in more than
	// one way (RFC 8460 4).
	Failures []Failure
}

// Failure is one kind of failure that a sender met (RFC 8460 4.3).
type Failure struct {
	// Type is kept verbatim, also when it is none of the registered ones.
	Type ResultType
	// SendingIP is the sender's address; the zero Addr if absent or malformed.
	SendingIP netip.Addr
	// ReceivingMX is the MX host's name in lower case, ReceivingHELO what it
	// called itself; both may be empty.
	ReceivingMX, ReceivingHELO string
	// ReceivingIP is the MX host's address, as SendingIP.
	ReceivingIP netip.Addr
	// Sessions counts the failed sessions, 0 to 1<<53-1.
	Sessions int64
	// AdditionalInfo is a URI that is never fetched.
	AdditionalInfo string
	// ReasonCode is free text.
	ReasonCode string
}

// ResultType names a way to fail (RFC 8460 4.3, and the IANA registry STARTTLS
// Validation Result Types).
type ResultType string

// The registered result types: what failed in the session itself, in DANE, and
// in MTA-STS.
const (
	StartTLSNotSupported    ResultType = "starttls-not-supported"
	CertificateHostMismatch ResultType = "certificate-host-mismatch"
	CertificateExpired      ResultType = "certificate-expired"
	CertificateNotTrusted   ResultType = "certificate-not-trusted"
	ValidationFailure       ResultType = "validation-failure"
	TLSAInvalid             ResultType = "tlsa-invalid"
	DNSSECInvalid           ResultType = "dnssec-invalid"
	DANERequired            ResultType = "dane-required"
	STSPolicyFetchError     ResultType = "sts-policy-fetch-error"
	STSPolicyInvalid        ResultType = "sts-policy-invalid"
	STSWebPKIInvalid        ResultType = "sts-webpki-invalid"
)

// ResultTypes returns the registered types in the order of the registry.
func ResultTypes() []ResultType {
	return []ResultType{
		StartTLSNotSupported, CertificateHostMismatch, CertificateExpired, CertificateNotTrusted, ValidationFailure,
		TLSAInvalid, DNSSECInvalid, DANERequired,
		STSPolicyFetchError, STSPolicyInvalid, STSWebPKIInvalid,
	}
}

// Known reports whether t is registered.
func (t ResultType) Known() bool {
	switch t {
	case StartTLSNotSupported, CertificateHostMismatch, CertificateExpired, CertificateNotTrusted, ValidationFailure,
		STSPolicyFetchError, STSPolicyInvalid, STSWebPKIInvalid:
		return true
	}
	return t.DANE()
}

// DANE reports whether t is about DANE (RFC 7672) and so says nothing about
// MTA-STS.
func (t ResultType) DANE() bool {
	return t == TLSAInvalid || t == DNSSECInvalid || t == DANERequired
}

// Sessions returns the successful and failed sessions under type t, over all
// entries of that type.
func (r Report) Sessions(t PolicyType) (successful, failed int64) {
	for _, p := range r.Policies {
		if p.Type == t {
			successful += p.Successful
			failed += p.Failed
		}
	}
	return successful, failed
}
