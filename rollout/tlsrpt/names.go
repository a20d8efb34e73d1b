package tlsrpt

// RecordName returns the name of domain's TLS-RPT TXT record, without a trailing
// dot (RFC 8460 3). The domain must be in the form that mtasts.Domain returns.
func RecordName(domain string) string { return "_smtp._tls." + domain }
