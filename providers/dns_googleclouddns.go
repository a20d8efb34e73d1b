package providers

func googleCloudDNS() Provider {
	return Provider{
		ID: "googleclouddns", Label: "Google Cloud DNS", Kind: DNS, Tag: "google",
		About: "Records are changed through the Cloud DNS API; without a key file, with the credentials that gcloud or the machine has.",
		Fields: []Field{
			{
				Key: "key_file", Label: "Key file", Env: []string{"GOOGLE_APPLICATION_CREDENTIALS", "GCE_SERVICE_ACCOUNT_FILE"},
				Help: "Path of a service account's JSON key. Empty: gcloud's default login, or the machine's.",
			},
			{
				Key: "project", Label: "Project", Env: []string{"GCP_PROJECT", "GCE_PROJECT", "GOOGLE_CLOUD_PROJECT"},
				Help: "Id of the project that keeps the zone. Empty: the key file's.",
			},
		},
		NameServers: []string{"ns-cloud-*.googledomains.com"},
		Rights: "roles/dns.admin on this managed zone alone, and dns.managedZones.list in the project. Cloud DNS limits " +
			"no one to single names.",
		Recipe: `# The rights to list zones, and to change records in this zone alone:
gcloud iam service-accounts create belay --project PROJECT
gcloud iam roles create belayZones --project PROJECT \
    --permissions dns.managedZones.list
gcloud projects add-iam-policy-binding PROJECT --condition None \
    --member serviceAccount:belay@PROJECT.iam.gserviceaccount.com \
    --role projects/PROJECT/roles/belayZones
gcloud dns managed-zones add-iam-policy-binding ZONE --project PROJECT \
    --member serviceAccount:belay@PROJECT.iam.gserviceaccount.com \
    --role roles/dns.admin
gcloud iam service-accounts keys create belay.json --project PROJECT \
    --iam-account belay@PROJECT.iam.gserviceaccount.com
# PROJECT is the project's id, ZONE the managed zone's name for DOMAIN.`,
		Docs:   "https://cloud.google.com/dns/docs/access-control",
		Writes: "by belay's own calls over Google's library, each a change that Cloud DNS compares with what stands; libdns's module compares nothing",
		Tested: "against a loopback server with Cloud DNS's documented answers, in a binary built with the tag google; not against a real account",
	}
}
