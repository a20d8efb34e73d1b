package providers

// inboxProviders are the places where TLS reports are taken from.
func inboxProviders() []Provider {
	return []Provider{
		{
			ID: "files", Label: "Files", Kind: Inbox,
			About: "Reports are taken from files and folders: mails, mboxes, JSON, gzip, zip; - is standard input.",
			Fields: []Field{{
				Key: "path", Label: "File or folder", Required: true,
				Help: "Downloaded reports; a folder is read with all below it.",
			}},
			Rights: "To read there.",
			Tested: "against reports as their senders write them",
		},
		{
			ID: "maildir", Label: "Maildir", Kind: Inbox,
			About: "Reports are taken from a Maildir that the rua address delivers to; mails stay where they are.",
			Fields: []Field{{
				Key: "path", Label: "Maildir", Required: true,
				Help: "The directory that holds cur, new and tmp.",
			}},
			Rights: "To read there.",
			Tested: "against Maildirs written by the lab and by Postfix's layout",
		},
		{
			ID: "imap", Label: "IMAP", Kind: Inbox,
			About: "Reports are taken from a folder of an IMAP server over TLS; nothing there is changed.",
			Fields: []Field{
				{
					Key: "url", Label: "Mailbox", Required: true,
					Help: "imaps://USER@HOST[:PORT]/FOLDER, or imap+starttls:// in place of imaps://.",
				},
				{
					Key: "password", Label: "Password", Secret: true, Required: true,
					Help: "An account is USER@HOST; without one it is that of the only mailbox named.",
					Env:  []string{"BELAY_IMAP_PASSWORD"},
				},
			},
			Rights: "To read the folder; with --mark-seen, to set flags in it.",
			Tested: "against Dovecot, and against a server that misbehaves",
		},
		{
			ID: "valimail", Label: "Valimail", Kind: Inbox,
			About: "What senders report to Valimail is read by its API: which reports there are, and the sessions that failed. " +
				"It names no reporter and no kind of failure, so that belay claims none.",
			Fields: valimail().Fields,
			Rights: "An API key for the Configuration API. What comes from there is signed by nobody, and counts only where you trust valimail: in writing.",
			Docs:   "https://api.valimail.com/docs/config.html",
			Tested: "against a loopback server with Valimail's documented answers; not against a real account",
		},
		{
			ID: "https", Label: "HTTPS", Kind: Inbox,
			About:  "belay serve takes what senders post to https://mta-sts.DOMAIN/tlsrpt (RFC 8460 section 5.4).",
			Rights: "None. What comes there is signed by nobody, and counts only where you trust it in writing.",
			Tested: "against curl",
		},
	}
}
