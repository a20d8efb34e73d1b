package providers

func hetzner() Provider {
	return Provider{
		ID: "hetzner", Label: "Hetzner", Kind: DNS,
		About: "Records are changed through the Hetzner Cloud API, one whole record set a call. Zones of the old dns.hetzner.com " +
			"have to be moved to the Hetzner Console first.",
		Fields: []Field{{
			Key: "api_token", Label: "API token", Secret: true, Required: true,
			Help: "Of the project that has the zone: Hetzner Console, Security, API tokens. Those of dns.hetzner.com do not work.",
			Env:  []string{"HCLOUD_TOKEN", "HETZNER_API_TOKEN", "LIBDNS_HETZNER_TOKEN"},
		}},
		NameServers: []string{"ns.hetzner.com", "ns.hetzner.de", "first-ns.de", "second-ns.de", "second-ns.com"},
		Rights: "A token of Read & Write. It reaches everything in its project, and cannot be limited further: keep the zone in a " +
			"project of its own.",
		Recipe: "In the Hetzner Console:\n" +
			"make a project for DNS alone, and move the zone DOMAIN into it\n" +
			"in that project: Security, API tokens, Generate API token\n" +
			"permissions: Read & Write",
		Docs:   "https://docs.hetzner.cloud/reference/cloud#authentication",
		Writes: "by belay's own calls; libdns's module deletes a set before it creates it anew",
		Tested: "against a loopback server with the Hetzner Cloud API's documented answers and refusals; " +
			"not against a real account",
		AddressEnv: "HCLOUD_ENDPOINT",
	}
}
