package imap

import (
	"strings"
	"testing"
)

func TestAccounts(t *testing.T) {
	for typed, want := range map[string]string{
		"imaps://a@imap.corp.test":                           "imaps://a@imap.corp.test/INBOX",
		"imaps://a@imap.corp.test:993/inbox":                 "imaps://a@imap.corp.test/INBOX",
		"imaps://a@IMAP.corp.test:1993/INBOX/TLS%20reports/": "imaps://a@imap.corp.test:1993/INBOX/TLS%20reports",
		"imap+starttls://a@imap.corp.test:143/":              "imap+starttls://a@imap.corp.test/INBOX",
		"imaps://tlsrpt@corp.test@imap.corp.test/INBOX":      "imaps://tlsrpt@corp.test@imap.corp.test/INBOX",
		"imaps://tlsrpt%40corp.test@imap.corp.test/INBOX":    "imaps://tlsrpt@corp.test@imap.corp.test/INBOX",
		"imaps://corp%5Cuser@imap.corp.test/%C3%9Cber":       "imaps://corp%5Cuser@imap.corp.test/%C3%9Cber",
		"imaps://a@[2001:db8::1]/INBOX":                      "imaps://a@[2001:db8::1]/INBOX",
		"imaps://a@imap.corp.test:1993/tls@corp.test":        "imaps://a@imap.corp.test:1993/tls@corp.test",
		"imaps://a%2Fb@imap.corp.test/a%3Fb":                 "imaps://a%2Fb@imap.corp.test/a%3Fb",
	} {
		a, err := Parse(typed)
		if err != nil || a.String() != want {
			t.Errorf("%s is %s, error %v; want %s", typed, a, err, want)
			continue
		}
		if again, err := Parse(a.String()); err != nil || again != a {
			t.Errorf("%s is read as %+v, error %v; want %+v", a, again, err, a)
		}
	}
	for typed, want := range map[string]string{
		"imaps://a:hunter2@imap.corp.test/":   "password",
		"imaps://a:@imap.corp.test/":          "password",
		"imaps://a:hun%ter2@imap.corp.test/":  "password",
		"imaps://a:hunter2#1@imap.corp.test/": "password",
		"imaps://a:1234/hunter2@imap.corp/":   "password",
		"imaps://a:hunter2?x@imap.corp.test/": "password",
		"imap://a:hunter2/x@imap.corp.test/":  "password",
		"imap://a@imap.corp.test/":            "TLS",
		"imaps:///INBOX":                      "not of the form",
		"imaps://a@imap.corp.test/?x=hunter2": "not of the form",
		"imaps://imap.corp.test/INBOX":        "who logs in",
		"imaps://a%0d@imap.corp.test/INBOX":   "control characters",
		"pop3://a@imap.corp.test/":            "not of the form",
	} {
		if a, err := Parse(typed); err == nil || !strings.Contains(err.Error(), want) || typed != "imaps://a@imap.corp.test/?x=hunter2" && (strings.Contains(err.Error(), "hun") || strings.Contains(err.Error(), "1234")) {
			t.Errorf("%s is %+v, error %v; want %s", typed, a, err, want)
		}
	}
}
