package providers

func porkbun() Provider {
	return Provider{
		ID: "porkbun", Label: "Porkbun", Kind: DNS,
		About: "Records are changed one by one through Porkbun's API, which has no TTL below 600 seconds.",
		Fields: []Field{
			{
				Key: "api_key", Label: "API key", Secret: true, Required: true, Whole: true,
				Env:  []string{"PORKBUN_API_KEY"},
				Help: "It begins with pk1_.",
			},
			{
				Key: "secret_api_key", Label: "Secret API key", Secret: true, Required: true, Whole: true,
				Env:  []string{"PORKBUN_SECRET_API_KEY", "PORKBUN_API_SECRET_KEY"},
				Help: "It begins with sk1_ and is shown once, when the pair is made.",
			},
		},
		NameServers: []string{"porkbun.com"},
		Rights: "A pair of keys of the account; Porkbun has no narrower rights than the domains that are open to the API, so open " +
			"this one alone.",
		Recipe: "1. https://porkbun.com/account/api: Create API Key; limit it to this machine's\n" +
			"   address where that does not change.\n" +
			"2. Domain Management, DOMAIN, Details: API ACCESS on. Leave it off for others.",
		Docs:   "https://porkbun.com/api/json/v3/documentation",
		Writes: "by belay's own calls; libdns's module deletes every value of a set with one",
		Tested: "against a loopback server with the documented answers of Porkbun's API, with libdns/porkbun's faults shown " +
			"beside; not against a real account",
	}
}
