package providers

func digitalOcean() Provider {
	return Provider{
		ID: "digitalocean", Label: "DigitalOcean", Kind: DNS,
		About: "Records are changed through DigitalOcean's API. It takes TXT values of up to about 500 bytes, and none with a backslash.",
		Fields: []Field{{
			Key: "api_token", Label: "API token", Secret: true, Required: true,
			Help: "A personal access token of the team that has the domain: control panel, API.",
			Env:  []string{"DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN", "DO_AUTH_TOKEN"},
		}},
		NameServers: []string{"digitalocean.com"},
		Rights: "A personal access token with the custom scopes domain:read, domain:create, domain:update and domain:delete. It reaches " +
			"all domains of its team.",
		Recipe: "In DigitalOcean's control panel:\n" +
			"API, Personal access tokens, Generate New Token\n" +
			"Custom Scopes: domain, and of it read, create, update and delete\n" +
			"an expiration that you will renew before",
		Docs:   "https://docs.digitalocean.com/reference/api/create-personal-access-token/",
		Writes: "by belay's own calls; libdns's module changes and deletes no record that it has not listed",
		Tested: "against a loopback server with DigitalOcean's documented answers and refusals; " +
			"not against a real account",
		AddressEnv: "DIGITALOCEAN_BASE_URL",
	}
}
