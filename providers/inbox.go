package providers

// inboxProviders are the places where TLS reports are taken from.
func inboxProviders() []Provider {
	return []Provider{
		{
			ID: "files", Label: "Files", Kind: Inbox,
			About: "Reports are taken from files and folders: mails, JSON, gzip.",
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
	}
}
