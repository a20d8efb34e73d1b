package providers

func desec() Provider {
	return Provider{
		ID: "desec", Label: "deSEC", Kind: DNS,
		About: "Records are changed through deSEC's API, one whole record set a call.",
		Fields: []Field{{
			Key: "token", Label: "API token", Secret: true, Required: true,
			Help: "A token of Token Management at desec.io; one that manages no tokens and creates no domains is enough.",
			Env:  []string{"DESEC_TOKEN"},
		}},
		NameServers: []string{"desec.io", "desec.org"},
		Rights: "A token that writes at _mta-sts, _smtp._tls, mta-sts and _acme-challenge.mta-sts alone, by token policies; every token " +
			"reads all records of its account.",
		Recipe: `# For a shell. ADMIN is a token that manages tokens, ID the id (not the
# secret) of belay's; ZONE is the domain at deSEC. Where the one below is
# not itself a domain there, write its parent that is:
ZONE=DOMAIN
below=DOMAIN; below=${below%"$ZONE"}; below=${below:+.${below%.}}
policy() {
  curl -X POST https://desec.io/api/v1/auth/tokens/ID/policies/rrsets/ \
    -H 'Authorization: Token ADMIN' -H 'Content-Type: application/json' \
    -d "{\"domain\":$1,\"subname\":$2,\"type\":null,\"perm_write\":$3}"
}
policy null null false
for name in _mta-sts _smtp._tls mta-sts _acme-challenge.mta-sts; do
  policy "\"$ZONE\"" "\"$name$below\"" true
done`,
		Docs:   "https://desec.readthedocs.io/en/latest/auth/tokens.html",
		Writes: "by belay's own calls; libdns's module takes no HTTP client and cannot delete what it wrote in several strings",
		Tested: "against a loopback server with deSEC's documented answers, its TTL floor and its refusals; " +
			"not against a real account",
		AddressEnv: "DESEC_BASE_URL",
	}
}
