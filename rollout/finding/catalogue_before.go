package finding

// What is found before anything is published: the domain and the account at its
// DNS provider (P), and the MX hosts (M).

var preparation = []Entry{
	{"P01", Info, "internationalised domain", "Senders compare names in A-label form (xn--); records and policies hold nothing else.", "Nothing to do: belay converts the name and shows both forms.", "RFC 8461 3.2"},
	{"P02", Fail, "zone not found in the account", "The credentials see no zone that holds the domain, so nothing can be changed through them.", "Choose the account that holds the zone, and give the token rights to read and edit it.", ""},
	{"P03", Fail, "another provider serves the domain", "The domain is delegated to other name servers; a change made in this account would be seen by nobody.", "Edit the zone where it is delegated to, or change the delegation first.", ""},
	{"P04", Warn, "several zones of one name", "The account holds more than one zone of this name, of which only one is public.", "Choose the zone by its identifier; belay does not guess.", ""},
	{"P05", Warn, "name delegated elsewhere", "A zone cut stands above the name, so the record belongs into another zone.", "Edit the zone that holds the name.", ""},
	{"P06", Fail, "credentials refused or without rights", "The provider does not let these credentials do what the plan needs.", "Make a token that may read and edit the zone's records.", ""},
	{"P07", Warn, "resolver differs from the zone", "A recursive resolver still answers what the authoritative servers no longer say. Senders that use such a resolver see the old answer until it expires.", "Wait until the time shown. belay judges by the authoritative servers.", "RFC 2181 5.2"},
	{"P08", Info, "wildcard record", "A wildcard answers for names that have no record of their own. A record published at the name takes its place.", "", "RFC 4592 2.2.1"},
	{"P09", Info, "DANE is in use", "Senders that support DANE use the TLSA records and pass over MTA-STS where these are valid; both may stand side by side.", "Renew the TLSA records with every certificate or key.", "RFC 8461 2"},
	{"P10", Fail, "DNSSEC validation fails", "Validating resolvers answer SERVFAIL for this zone: their senders see neither MX nor MTA-STS records.", "Mend the DS records or the signatures first.", "RFC 4035 5"},
	{"P11", Warn, "subdomains receive mail", "A policy covers one domain only; a subdomain with mail of its own needs its own policy.", "Start a rollout for each subdomain that receives mail.", "RFC 8461 3.4"},
}

var mailHosts = []Entry{
	{"M01", Fail, "null MX", "The domain says that it accepts no mail, so there is nothing to protect.", "Roll out MTA-STS only where mail is received; remove the null MX if this domain should.", "RFC 7505 3"},
	{"M02", Warn, "no MX record", "Senders fall back to the domain's own address, so the policy must name the domain itself and its certificate too.", "Publish an MX record that names the mail host.", "RFC 5321 5.1"},
	{"M03", Fail, "MX target is no usable host", "An MX must name a host with an A or AAAA record, neither an alias nor an address.", "Point the MX at a host name that has addresses. The certificate must carry the name in the MX record.", "RFC 5321 5.1"},
	{"M04", Warn, "port 25 cannot be reached from here", "Connections to this MX and to well-known mail hosts all time out: this network most likely blocks outgoing port 25. Nothing is known about the MX.", "Look from a network that may send mail, or through a machine there with belay check --vantage ssh://USER@HOST, or record in writing that it was checked elsewhere.", ""},
	{"M05", Fail, "MX host does not answer", "Other mail hosts can be reached from here and this one cannot. Senders will defer mail to it.", "Start the service, and open port 25 in the firewall.", "RFC 5321 5.1"},
	{"M06", Fail, "one address family is broken", "The host answers over one of IPv4 and IPv6 only. Senders that try the other first fail or are delayed.", "Make the service listen on the address, or remove its record.", "RFC 5321 5.1"},
	{"M07", Fail, "STARTTLS not offered", "Without STARTTLS a sender cannot encrypt; under enforce it must not deliver to this host.", "Enable STARTTLS with a certificate for the MX host's name.", "RFC 8461 4.2"},
	{"M08", Fail, "TLS handshake fails", "STARTTLS is offered, yet no TLS session comes about. Under enforce senders must not deliver to this host.", "Check that certificate and key belong together, and the protocol versions and ciphers offered.", "RFC 8461 4.2"},
	{"M09", Fail, "certificate not valid at this time", "The certificate has expired or is not valid yet. Under enforce senders refuse this host.", "Renew the certificate and reload the mail server.", "RFC 8461 4.2"},
	{"M10", Warn, "certificate expires soon", "It ends before the rollout can be expected to. Under enforce an expired certificate stops the mail.", "Renew it, and prove that renewal works unattended.", "RFC 8461 4.2"},
	{"M11", Fail, "certificate is for another name", "Senders compare the name in the MX record with the certificate; under enforce they refuse this host.", "Reissue the certificate with the MX host's name, or point the MX record at a name that is in it.", "RFC 8461 4.2"},
	{"M12", Fail, "certificate chain is incomplete", "The host does not send the intermediate certificate, without which most senders cannot verify its own.", "Configure the full chain, the host's certificate first.", "RFC 8461 4.2"},
	{"M13", Fail, "certificate not publicly trusted", "The chain ends in no public certification authority. Under enforce senders refuse this host.", "Use a certificate of a public authority, for example by ACME.", "RFC 8461 4.2"},
	{"M14", Warn, "host name in the common name only", "Senders compare subject alternative names; the common name does not count.", "Reissue the certificate with the name as a DNS alternative name.", "RFC 6125 6.4.4"},
	{"M15", Warn, "certificate depends on SNI", "Without SNI, or with an unknown name, the host shows another certificate or breaks off. Some senders give no name.", "Make the certificate of the MX host's name the default one.", "RFC 8461 7.1"},
	{"M16", Fail, "only TLS below 1.2", "MTA-STS asks for TLS 1.2 or newer, and large senders insist on it.", "Enable TLS 1.2 and 1.3.", "RFC 8461 7.2"},
	{"M17", Warn, "backup MX unlike the primary", "Senders turn to the backup when the primary is down, and under enforce the same rules hold for it.", "Mend the backup or remove it from the MX records; never leave it out of the policy.", "RFC 8461 8.4"},
	{"M18", Warn, "addresses of one host differ", "Addresses behind one name show different certificates, so what a sender meets depends on chance.", "Renew on every machine behind the name.", "RFC 8461 4.2"},
	{"M19", Warn, "slow or deferring before STARTTLS", "The host answers late or with a temporary refusal before TLS begins. This is no fault of TLS, but it hides what comes after.", "Try again, or exempt the checking address from greylisting.", "RFC 5321 4.5.3.2"},
	{"M20", Info, "MX hosts of a mail provider", "The provider owns these hosts and their certificates.", "Use the pattern that the provider documents.", ""},
	{"M21", Warn, "TLS intercepted on this side", "The certificate comes from an inspecting proxy or virus scanner in your own network, not from the MX host.", "Run the check from a network without interception.", ""},
	{"M22", Warn, "MX set differs between looks", "Name servers disagree about the MX records, or these changed between two looks.", "Wait until all name servers have the same zone, then look again.", "RFC 1034 4.3.5"},
	{"M23", Warn, "weak key or signature", "RSA keys below 2048 bits and SHA-1 signatures are refused by some senders.", "Reissue the certificate with a stronger key and signature.", "RFC 9325 4.5"},
}
