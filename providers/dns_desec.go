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
		Rights: "A token that writes the records _mta-sts, _smtp._tls and mta-sts alone, by token policies; every token reads all " +
			"records of its account.",
		Recipe: "# ADMIN is a token that manages tokens, ID the id (not the secret) of belay's.\n" +
			"policy() { curl -X POST https://desec.io/api/v1/auth/tokens/ID/policies/rrsets/ \\\n" +
			"  -H 'Authorization: Token ADMIN' -H 'Content-Type: application/json' -d \"$1\"; }\n" +
			"policy '{\"domain\":null,\"subname\":null,\"type\":null,\"perm_write\":false}'\n" +
			"policy '{\"domain\":\"DOMAIN\",\"subname\":\"_mta-sts\",\"type\":null,\"perm_write\":true}'\n" +
			"policy '{\"domain\":\"DOMAIN\",\"subname\":\"_smtp._tls\",\"type\":\"TXT\",\"perm_write\":true}'\n" +
			"policy '{\"domain\":\"DOMAIN\",\"subname\":\"mta-sts\",\"type\":null,\"perm_write\":true}'",
		Docs:   "https://desec.readthedocs.io/en/latest/auth/tokens.html",
		Writes: "by belay's own calls; libdns's module takes no HTTP client and cannot delete what it wrote in several strings",
		Tested: "against a loopback server with deSEC's documented answers, its TTL floor and its refusals; " +
			"not against a real account",
		AddressEnv: "DESEC_BASE_URL",
	}
}
