package providers

// hostProviders are the ways in which a policy body is served.
func hostProviders() []Provider {
	return []Provider{
		{
			ID: "webroot", Label: "Web root", Kind: Host,
			About: "The policy is written, atomically, as .well-known/mta-sts.txt below a directory that a web server serves.",
			Fields: []Field{{
				Key: "place", Label: "Directory", Required: true,
				Help: "The root of the web server's virtual host for mta-sts.DOMAIN.",
			}},
			Rights: "To write files in that directory. The web server needs a certificate for mta-sts.DOMAIN that senders trust.",
			Recipe: webrootNeeds,
			Tested: "against directories served on loopback",
		},
		{
			ID: "sftp", Label: "SFTP", Kind: Host,
			About: "The policy is sent over SFTP and renamed into place as .well-known/mta-sts.txt below a directory that a web server there serves.",
			Fields: []Field{{
				Key: "place", Label: "URL", Required: true,
				Help: "//USER@HOST[:PORT]/DIRECTORY, or //USER@HOST/~/DIRECTORY below the home directory. belay logs in by the SSH agent, by a key of " +
					"yours without a passphrase or by the one that BELAY_SSH_KEY names, and knows the host by known_hosts (BELAY_SSH_KNOWN_HOSTS names another file).",
			}},
			Rights: "To log in by key and write files in that directory; the SFTP server must know posix-rename@openssh.com, as OpenSSH does. " +
				"The web server there needs a certificate for mta-sts.DOMAIN that senders trust.",
			Recipe: sftpNeeds,
			Tested: "against an SSH server on loopback",
		},
		{
			ID: "static", Label: "Static pages", Kind: Host,
			About: "The policy is written into a folder, with what GitHub Pages, Netlify, Cloudflare Pages and S3 need beside it; you publish the folder, and belay goes on when it answers.",
			Fields: []Field{{
				Key: "place", Label: "Folder", Required: true,
				Help: "The folder that is published at https://mta-sts.DOMAIN/, in a checkout of its own for instance. Files that stand in it are left alone.",
			}},
			Rights: "To write in that folder; you publish it yourself.",
			Recipe: staticNeeds,
			Tested: "against web servers on loopback",
		},
		{
			ID: "serve", Label: "belay serve", Kind: Host,
			About:  "belay serve, an HTTPS server on this machine, answers for every rollout of the store; it gets its certificates itself, and a policy is live the moment it is published.",
			Rights: "Ports 443 and 80 of the addresses that mta-sts.DOMAIN points to; as an ordinary user by socket activation or CAP_NET_BIND_SERVICE.",
			Recipe: serveNeeds,
			Tested: "against nginx's speed, floods and broken stores on loopback",
		},
		cloudflareWorker(),
		valimail(),
		{
			ID: "manual", Label: "By hand", Kind: Host,
			About:  "belay shows the policy; you put it where https://mta-sts.DOMAIN/.well-known/mta-sts.txt answers, and belay goes on when it does.",
			Rights: "None: you publish the file yourself.",
			Recipe: manualNeeds,
			Tested: "against web servers on loopback",
		},
	}
}
