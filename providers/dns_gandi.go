package providers

func gandi() Provider {
	return Provider{
		ID: "gandi", Label: "Gandi", Kind: DNS,
		About: "Records are changed through Gandi's LiveDNS API, one whole record set a call.",
		Fields: []Field{
			{
				Key: "token", Label: "Personal access token", Secret: true, Required: true,
				Help: "Not an API key: organization, Sharing, Create a token. It expires; note when.",
				Env:  []string{"GANDI_BEARER_TOKEN", "GANDIV5_PERSONAL_ACCESS_TOKEN", "GANDI_PERSONAL_ACCESS_TOKEN"},
			},
			{
				Key: "sharing_id", Label: "Sharing id", Env: []string{"GANDI_SHARING_ID"},
				Help: "Only to name one of several organizations: the last id in its address at admin.gandi.net.",
			},
		},
		NameServers: []string{"gandi.net"},
		Rights: "A personal access token with the permission \"Manage domain name technical configurations\", limited to this one " +
			"domain. Gandi knows no right that is limited to some records.",
		Recipe: "At admin.gandi.net choose the organization, then Sharing, then under\n" +
			"Personal Access Tokens \"Create a token\":\n" +
			"Resources: restrict to selected products, and select DOMAIN.\n" +
			"Permissions: \"See and renew domain names\" and \"Manage domain name technical\n" +
			"configurations\"; nothing else.",
		Docs:   "https://docs.gandi.net/en/managing_an_organization/organizations/personal_access_token.html",
		Writes: "by a client of belay's own with libdns's interfaces; libdns's module appends where it must replace",
		Tested: "against a loopback server with LiveDNS's documented answers, its pages, TTL floor and refusals; not against a " +
			"real account",
		AddressEnv: "GANDI_BASE_URL",
	}
}
