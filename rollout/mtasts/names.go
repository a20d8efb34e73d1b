package mtasts

// PolicyHost returns the name of the host that serves domain's policy, without a
// trailing dot. The domain must be in the form that Domain returns.
func PolicyHost(domain string) string { return "mta-sts." + domain }

// PolicyURL returns the only URL at which senders look for domain's policy
// (RFC 8461 3.3).
func PolicyURL(domain string) string {
	return "https://" + PolicyHost(domain) + "/.well-known/mta-sts.txt"
}

// RecordName returns the name of domain's MTA-STS TXT record, without a trailing
// dot (RFC 8461 3.1).
func RecordName(domain string) string { return "_mta-sts." + domain }
