package providers

func ovh() Provider {
	return Provider{
		ID: "ovh", Label: "OVHcloud", Kind: DNS,
		About: "Records are changed through OVHcloud's API, and the zone is published after each change.",
		Fields: []Field{
			{
				Key: "endpoint", Label: "Endpoint", Default: "ovh-eu", Whole: true,
				Env:  []string{"OVH_ENDPOINT", "OVH_END_POINT"},
				Help: "ovh-eu, ovh-ca or ovh-us: where the account was opened.",
			},
			{
				Key: "application_key", Label: "Application key", Secret: true, Required: true, Whole: true,
				Env:  []string{"OVH_APPLICATION_KEY", "OVH_AK"},
				Help: "The three keys are made together at eu.api.ovh.com/createToken. ~/.ovh.conf is not read.",
			},
			{
				Key: "application_secret", Label: "Application secret", Secret: true, Required: true, Whole: true,
				Env: []string{"OVH_APPLICATION_SECRET", "OVH_AS"},
			},
			{
				Key: "consumer_key", Label: "Consumer key", Secret: true, Required: true, Whole: true,
				Env:  []string{"OVH_CONSUMER_KEY", "OVH_CK"},
				Help: "It carries the rights.",
			},
		},
		NameServers: []string{"ovh.net", "ovh.ca", "anycast.me"},
		Rights: "A consumer key that may list the zones and read this one (GET) and its records, create, change and delete records " +
			"(POST, PUT, DELETE) and publish the zone (POST refresh).",
		Recipe: "On https://eu.api.ovh.com/createToken/ (ca.api.ovh.com, api.us.ovhcloud.com\n" +
			"for the other regions) add these rights, with the zone's own name where the\n" +
			"domain lies in a larger zone:\n" +
			"GET    /domain/zone\n" +
			"GET    /domain/zone/DOMAIN\n" +
			"GET    /domain/zone/DOMAIN/record*\n" +
			"POST   /domain/zone/DOMAIN/record\n" +
			"PUT    /domain/zone/DOMAIN/record/*\n" +
			"DELETE /domain/zone/DOMAIN/record/*\n" +
			"POST   /domain/zone/DOMAIN/refresh",
		Docs:   "https://help.ovhcloud.com/csm/en-api-getting-started-ovhcloud-api",
		Writes: "by belay's own calls; libdns's module publishes no change that only removes a value",
		Tested: "against a loopback server that checks signatures and serves changes only once they are published, as OVHcloud's " +
			"API is documented, with libdns/ovh's faults shown beside; not against a real account",
	}
}
