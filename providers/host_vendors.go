package providers

// cloudflareWorker serves the policy from Cloudflare's network, with the login that
// changes the zone's records there.
func cloudflareWorker() Provider {
	fields := append(cloudflare().Fields[:2:2], Field{
		Key: "account_id", Label: "Account id",
		Help: "Only where the Worker is to be in another account than the zone's.",
		Env:  []string{"CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID"},
	})
	fields[0].Help = "The token of the DNS account, with one right more: Workers Scripts: Edit for the account."
	return Provider{
		ID: "cloudflare-worker", Label: "Cloudflare Worker", Kind: Host, Shares: "cloudflare",
		About: "Cloudflare serves the policy by a Worker of its own for the domain, at the custom domain mta-sts.DOMAIN, whose record and certificate it makes itself. " +
			"There is no server to run. The zone must be kept at Cloudflare.",
		Fields: fields,
		Rights: "The DNS token's (Zone: Zone: Read, Zone: DNS: Edit), and Account: Workers Scripts: Edit for the zone's account.",
		Recipe: `dash.cloudflare.com: My Profile, API Tokens, and there the token
  Permissions        Zone      Zone              Read
                     Zone      DNS               Edit
                     Account   Workers Scripts   Edit
  Account Resources  Include   the account that DOMAIN is in
  Zone Resources     Include   Specific zone   the zone of DOMAIN
Cloudflare limits Workers Scripts to an account, not to one script.`,
		Docs:       "https://developers.cloudflare.com/workers/configuration/routing/custom-domains/",
		AddressEnv: "CLOUDFLARE_BASE_URL",
		Tested:     "against a loopback server with Cloudflare's documented answers, and the script in Node.js; not against a real account",
	}
}

// valimail serves policy, id and report addresses for the domain's three names.
func valimail() Provider {
	return Provider{
		ID: "valimail", Label: "Valimail", Kind: Host,
		About: "Valimail serves the policy and writes its id itself, for the three names as aliases of its own, which belay makes. " +
			"belay asks for each change and waits until body and id both show it; it cannot order them.",
		Fields: []Field{
			{Key: "client_id", Label: "Client id", Required: true, Secret: true, Env: []string{"VALIMAIL_CLIENT_ID"},
				Help: "Of an API key for the Configuration API: Account Settings, API Keys."},
			{Key: "app_id", Label: "App id", Required: true, Secret: true, Env: []string{"VALIMAIL_APP_ID"},
				Help: "Of the same API key."},
			{Key: "account", Label: "Account slug", Required: true, Env: []string{"VALIMAIL_ACCOUNT"},
				Help: "As it stands in the address of Valimail's pages: app.valimail.com/app/SLUG/..."},
		},
		Rights: "An API key for the Configuration API, made by an owner of the account; its access is to the whole account.",
		Recipe: `app.valimail.com, as an owner of the account: Account Settings, API Keys
  API      Configuration API
  Copy     Client ID and App ID; they are shown once
Valimail does not limit a key to DOMAIN.
The names are delegated: by the DNS account belay makes aliases (CNAME) of
_mta-sts.DOMAIN, _smtp._tls.DOMAIN and mta-sts.DOMAIN that lead to Valimail.`,
		Docs:       "https://support.valimail.com/en/articles/12385962-implement-mta-sts-hosting-tls-reporting-with-valimail-api-guide",
		AddressEnv: "VALIMAIL_BASE_URL",
		Tested:     "against a loopback server with Valimail's documented answers; not against a real account",
	}
}
