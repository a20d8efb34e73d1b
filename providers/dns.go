package providers

// dnsProviders are the systems that keep zones. Field keys are those that package
// providers/dns opens accounts with.
func dnsProviders() []Provider {
	return []Provider{cloudflare(), route53(), rfc2136(), desec(), hetzner(), googleCloudDNS(), manualDNS()}
}

func cloudflare() Provider {
	return Provider{
		ID: "cloudflare", Label: "Cloudflare", Kind: DNS,
		About: "Records are changed through Cloudflare's API.",
		Fields: []Field{
			{
				Key: "api_token", Label: "API token", Secret: true, Required: true,
				Help: "An API token, not the Global API Key: My Profile, API Tokens, Create Token.",
				Env:  []string{"CLOUDFLARE_API_TOKEN", "CF_DNS_API_TOKEN", "CLOUDFLARE_DNS_API_TOKEN"},
			},
			{
				Key: "zone_token", Label: "Zone token", Secret: true,
				Help: "Only where the first token lacks Zone:Read: a second one that has it.",
				Env:  []string{"CF_ZONE_API_TOKEN"},
			},
		},
		NameServers: []string{"ns.cloudflare.com"},
		Rights:      "An API token with Zone: Zone: Read and Zone: DNS: Edit, its zone resources limited to this zone.",
		Docs:        "https://developers.cloudflare.com/fundamentals/api/get-started/create-token/",
		AddressEnv:  "CLOUDFLARE_BASE_URL",
		Tested:      "against a loopback server with Cloudflare's documented answers and libdns's known faults; not against a real account",
	}
}

func route53() Provider {
	return Provider{
		ID: "route53", Label: "Amazon Route 53", Kind: DNS,
		About: "Records are changed through the Route 53 API; without fields, with the credentials the AWS command line would use.",
		Fields: []Field{
			{Key: "access_key_id", Label: "Access key id", Env: []string{"AWS_ACCESS_KEY_ID"},
				Help: "Empty: the profile's, the container's or the machine's own."},
			{Key: "secret_access_key", Label: "Secret access key", Secret: true, Env: []string{"AWS_SECRET_ACCESS_KEY"}},
			{Key: "session_token", Label: "Session token", Secret: true, Env: []string{"AWS_SESSION_TOKEN"},
				Help: "Only with temporary credentials."},
			{Key: "profile", Label: "Profile", Env: []string{"AWS_PROFILE"}, Default: "default",
				Help: "A profile of ~/.aws/config."},
			{Key: "region", Label: "Region", Env: []string{"AWS_REGION", "AWS_DEFAULT_REGION"},
				Help: "Route 53 has none; some logins need one."},
			{Key: "hosted_zone_id", Label: "Hosted zone id", Env: []string{"AWS_HOSTED_ZONE_ID"},
				Help: "Only where the account has several public zones of this name."},
		},
		NameServers: []string{"awsdns-*.com", "awsdns-*.net", "awsdns-*.org", "awsdns-*.co.uk"},
		Rights: "route53:ListHostedZonesByName on *, and on this hosted zone route53:ListResourceRecordSets and " +
			"route53:ChangeResourceRecordSets, the latter limited by the condition key " +
			"route53:ChangeResourceRecordSetsNormalizedRecordNames to _mta-sts, _smtp._tls and mta-sts of the domain.",
		Docs:   "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-rrset-conditions.html",
		Tested: "against a loopback server with Route 53's documented answers; not against a real account",
	}
}

func rfc2136() Provider {
	return Provider{
		ID: "rfc2136", Label: "Own name server (RFC 2136)", Kind: DNS,
		About: "Records are changed by dynamic updates signed with a TSIG key: BIND, Knot, PowerDNS and others.",
		Fields: []Field{
			{Key: "server", Label: "Primary server", Required: true, Env: []string{"RFC2136_NAMESERVER"},
				Help: "host or host:port of the primary that takes updates; it may be hidden."},
			{Key: "key_name", Label: "Key name", Required: true, Env: []string{"RFC2136_TSIG_KEY"},
				Help: "The name of the TSIG key, as in the server's configuration."},
			{Key: "key_alg", Label: "Algorithm", Env: []string{"RFC2136_TSIG_ALGORITHM"}, Default: "hmac-sha256",
				Help: "hmac-sha256, hmac-sha512 or another that both ends know."},
			{Key: "key", Label: "Key secret", Secret: true, Required: true, Env: []string{"RFC2136_TSIG_SECRET"},
				Help: "The base64 text behind \"secret\" in the key file."},
		},
		Rights: "In BIND an update-policy with grant KEY name _mta-sts.DOMAIN. TXT CNAME; grant KEY name _smtp._tls.DOMAIN. TXT CNAME; " +
			"grant KEY name mta-sts.DOMAIN. A AAAA CNAME; and, if it may be, allow-transfer for the key. In Knot an acl with " +
			"action update, update-owner name, update-owner-match equal and these names.",
		Docs:   "https://bind9.readthedocs.io/en/latest/reference.html#dynamic-update-policies",
		Tested: "against the lab's name server, and by hand against BIND 9 with an update-policy, with and without zone transfer",
	}
}

func manualDNS() Provider {
	return Provider{
		ID: "manual", Label: "By hand", Kind: DNS,
		About:  "belay shows each record as the provider's form asks for it, and goes on when every name server answers it.",
		Rights: "None: you change the records yourself.",
		Tested: "against name servers on loopback",
	}
}
