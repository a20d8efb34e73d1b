package providers

// dnsProviders are the systems that keep zones. Field keys are those that package
// providers/dns opens accounts with.
func dnsProviders() []Provider {
	return []Provider{cloudflare(), route53(), rfc2136(), desec(), hetzner(), digitalOcean(), ovh(), gandi(), dnscale(), porkbun(), linode(), googleCloudDNS(), manualDNS()}
}

func cloudflare() Provider {
	return Provider{
		ID: "cloudflare", Label: "Cloudflare", Kind: DNS,
		About: "Records are changed through Cloudflare's API.",
		Fields: []Field{
			{
				Key: "api_token", Label: "API token", Secret: true, Required: true,
				Help: "An API token, not the Global API Key: My Profile, API Tokens, Create Token.",
				Env:  []string{"CLOUDFLARE_API_TOKEN", "CF_DNS_API_TOKEN", "CLOUDFLARE_DNS_API_TOKEN", "CF_API_TOKEN"},
			},
			{
				Key: "zone_token", Label: "Zone token", Secret: true,
				Help: "Only where the first token lacks Zone:Read: a second one that has it.",
				Env:  []string{"CF_ZONE_API_TOKEN", "CLOUDFLARE_ZONE_API_TOKEN"},
			},
		},
		NameServers: []string{"ns.cloudflare.com"},
		Rights:      "An API token with Zone: Zone: Read and Zone: DNS: Edit, its zone resources limited to this zone.",
		Recipe: `dash.cloudflare.com: My Profile, API Tokens, Create Token, Create Custom Token
  Permissions     Zone   Zone   Read
                  Zone   DNS    Edit
  Zone Resources  Include   Specific zone   the zone of DOMAIN
  TTL             no end date, or one after the rollout, which takes weeks
Cloudflare limits a token to a zone, not to names in it. Not the Global API Key.`,
		Docs:       "https://developers.cloudflare.com/fundamentals/api/get-started/create-token/",
		AddressEnv: "CLOUDFLARE_BASE_URL",
		Writes:     "by libdns's module for Cloudflare, over an HTTP client of belay's; belay reads by its own calls, name by name",
		Tested:     "against a loopback server with Cloudflare's documented answers and libdns's known faults; not against a real account",
	}
}

func route53() Provider {
	return Provider{
		ID: "route53", Label: "Amazon Route 53", Kind: DNS,
		About: "Records are changed through the Route 53 API; without fields, with the credentials the AWS command line would use.",
		Fields: []Field{
			{Key: "access_key_id", Label: "Access key id", Whole: true, Env: []string{"AWS_ACCESS_KEY_ID"},
				Help: "Empty: the profile's, the container's or the machine's own."},
			{Key: "secret_access_key", Label: "Secret access key", Secret: true, Whole: true, Env: []string{"AWS_SECRET_ACCESS_KEY"}},
			{Key: "session_token", Label: "Session token", Secret: true, Whole: true, Env: []string{"AWS_SESSION_TOKEN"},
				Help: "Only with temporary credentials."},
			{Key: "profile", Label: "Profile", Whole: true, Named: true, Env: []string{"AWS_PROFILE"}, Default: "default",
				Help: "A profile of ~/.aws/config; a named account's is the one of its name."},
			{Key: "region", Label: "Region", Env: []string{"AWS_REGION", "AWS_DEFAULT_REGION"},
				Help: "Route 53 has none; some logins need one."},
			{Key: "hosted_zone_id", Label: "Hosted zone id", Env: []string{"AWS_HOSTED_ZONE_ID"},
				Help: "Only where the account has several public zones of this name."},
		},
		NameServers: []string{"awsdns-*.com", "awsdns-*.net", "awsdns-*.org", "awsdns-*.co.uk"},
		Rights: "route53:ListHostedZonesByName on *, and on this hosted zone route53:ListResourceRecordSets and " +
			"route53:ChangeResourceRecordSets, the latter limited by the condition key " +
			"route53:ChangeResourceRecordSetsNormalizedRecordNames to _mta-sts, _smtp._tls, mta-sts and " +
			"_acme-challenge.mta-sts of the domain.",
		Recipe: `An IAM policy for the user or role; HOSTEDZONEID is the zone's, Z...:
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "route53:ListHostedZonesByName",
      "Resource": "*"
    },
    {
      "Effect": "Allow",
      "Action": "route53:ListResourceRecordSets",
      "Resource": "arn:aws:route53:::hostedzone/HOSTEDZONEID"
    },
    {
      "Effect": "Allow",
      "Action": "route53:ChangeResourceRecordSets",
      "Resource": "arn:aws:route53:::hostedzone/HOSTEDZONEID",
      "Condition": {
        "ForAllValues:StringEquals": {
          "route53:ChangeResourceRecordSetsNormalizedRecordNames": [
            "_mta-sts.DOMAIN",
            "_smtp._tls.DOMAIN",
            "mta-sts.DOMAIN",
            "_acme-challenge.mta-sts.DOMAIN"
          ],
          "route53:ChangeResourceRecordSetsRecordTypes": ["TXT", "A", "AAAA", "CNAME"]
        }
      }
    }
  ]
}`,
		Docs:   "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-rrset-conditions.html",
		Writes: "by batches of belay's own over the AWS SDK, which Route 53 compares with what stands; libdns's module compares nothing, and ends the process where a profile is missing",
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
		Rights: "To update _mta-sts (TXT, CNAME), _smtp._tls (TXT, CNAME), mta-sts (A, AAAA, CNAME) and _acme-challenge.mta-sts (TXT) " +
			"of the domain, by update-policy in BIND or an acl in Knot; a transfer with the same key helps and is not needed.",
		Recipe: `BIND, in the zone's clause of named.conf (make the key by
tsig-keygen -a hmac-sha256 belay):
  update-policy {
      grant belay name _mta-sts.DOMAIN. TXT CNAME;
      grant belay name _smtp._tls.DOMAIN. TXT CNAME;
      grant belay name mta-sts.DOMAIN. A AAAA CNAME;
      grant belay name _acme-challenge.mta-sts.DOMAIN. TXT;
  };
  allow-transfer { key belay; };   // not needed

Knot, in knot.conf (make the key by keymgr -t belay hmac-sha256), both in
the zone's acl list; the names are relative to the zone where they end without
a dot:
  acl:
    - id: belay-update
      key: belay
      action: update
      update-type: [TXT, CNAME, A, AAAA]
      update-owner: name
      update-owner-match: equal
      update-owner-name: [_mta-sts.DOMAIN., _smtp._tls.DOMAIN., mta-sts.DOMAIN., _acme-challenge.mta-sts.DOMAIN.]
    - id: belay-transfer             # not needed
      key: belay
      action: transfer`,
		Docs:   "https://bind9.readthedocs.io/en/latest/reference.html#dynamic-update-policies",
		Writes: "by UPDATEs of belay's own, which carry what must stand before; zone transfers are read by libdns's module for RFC 2136",
		Tested: "against the lab's name server and, in CI, BIND 9 and Knot as Debian ships them, with policies of least rights, with and without zone transfer",
	}
}

func manualDNS() Provider {
	return Provider{
		ID: "manual", Label: "By hand", Kind: DNS,
		About:  "belay shows each record as the provider's form asks for it, and goes on when every name server answers it.",
		Rights: "None: you change the records yourself.",
		Writes: "by hand",
		Tested: "against name servers on loopback",
	}
}
