package providers

func linode() Provider {
	return Provider{
		ID: "linode", Label: "Linode (Akamai)", Kind: DNS,
		About: "Records are changed one by one through the Linode API; its name servers follow some minutes later.",
		Fields: []Field{{
			Key: "api_token", Label: "Personal access token", Secret: true, Required: true,
			Help: "Cloud Manager, profile, API Tokens, Create a Personal Access Token.",
			Env:  []string{"LINODE_TOKEN", "LINODE_API_TOKEN", "LINODE_CLI_TOKEN", "LINODE_V4_API_KEY"},
		}},
		NameServers: []string{"linode.com"},
		Rights: "A personal access token with Domains: Read/Write and nothing else, of a user whose only grant is Read-Write for " +
			"this domain.",
		Recipe: "1. Cloud Manager, Users & Grants: a user without full account access, its\n" +
			"   specific permissions No Access but for the domain DOMAIN: Read-Write.\n" +
			"2. As that user: API Tokens, Create a Personal Access Token, No Access for\n" +
			"   all, then Domains: Read/Write.",
		Docs:   "https://techdocs.akamai.com/linode-api/reference/get-started",
		Writes: "by belay's own calls; libdns's module empties a set whose creation is refused",
		Tested: "against a loopback server with the documented answers of the Linode API, its rounding of TTLs among them, with " +
			"libdns/linode's faults shown beside; not against a real account",
	}
}
