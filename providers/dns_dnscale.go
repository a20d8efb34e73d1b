package providers

func dnscale() Provider {
	return Provider{
		ID: "dnscale", Label: "DNScale", Kind: DNS,
		About: "Records are changed through DNScale's API, rewritten in place.",
		Fields: []Field{{
			Key: "api_key", Label: "API key", Secret: true, Required: true,
			Help: "From the dashboard, Settings, API Keys, with three scopes: zones:read, records:read, records:write.",
			Env:  []string{"DNSCALE_API_KEY", "DNSCALE_API_TOKEN"},
		}},
		NameServers: []string{"dnscale.eu"},
		Rights: "An API key with the scopes zones:read, records:read and records:write. DNScale knows no right that is limited to " +
			"one zone or to some records.",
		Recipe: "At app.dnscale.eu, Settings, API Keys, create one with these scopes and no\n" +
			"others:\n" +
			"zones:read\n" +
			"records:read\n" +
			"records:write",
		Docs:   "https://dnscale.eu/api/authentication",
		Writes: "by a client of belay's own with libdns's interfaces; there is no libdns module",
		Tested: "against a loopback server written to DNScale's published API contract, its changing ids, shared TTLs and refusals; " +
			"not against a real account",
		AddressEnv: "DNSCALE_API_URL",
	}
}
