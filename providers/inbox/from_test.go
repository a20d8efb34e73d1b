package inbox

import (
	"net/mail"
	"testing"
)

func TestPlainFrom(t *testing.T) {
	for value, want := range map[string]string{
		"tls@reporter.test":                     "reporter.test",
		"TLS reports <tls@reporter.test>":       "reporter.test",
		"<no-reply+tls.rpt@Mail.Reporter.Test>": "Mail.Reporter.Test",
		"tls@localhost":                         "localhost",
	} {
		if got, ok := plainFrom(value); !ok || got != want {
			t.Errorf("%q: %q, %t", value, got, ok)
		}
	}
	for _, value := range []string{
		"", "tls", "@", "tls@", "@reporter.test", "a@b.test, c@d.test", "a@b.test c", "a@b.test <c@d.test>", "<a@b.test> x",
		`"tls@other.test" <a@b.test>`, "a@b.test (c@d.test)", "group: a@b.test;", "a@b@c.test", ".a@b.test", "a..b@c.test", "a@b.test.",
		"a@[192.0.2.1]", "<a@b.test", "a@b.test>", "<<a@b.test>>", "=?utf-8?q?a?= <a@b.test>", "\u00e4@b.test",
	} {
		if got, ok := plainFrom(value); ok {
			t.Errorf("%q: %q", value, got)
		}
	}
}

// FuzzPlainFrom shows that what is read without the grammar is what the grammar says.
func FuzzPlainFrom(f *testing.F) {
	for _, value := range []string{"tls@reporter.test", "TLS reports <tls@reporter.test>", "<a@b.test>", " a  b<c+d@e>", "a.b@c-.d"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		domain, ok := plainFrom(value)
		if !ok {
			return
		}
		list, err := mail.ParseAddressList(value)
		if err != nil || len(list) != 1 || mailDomain(list[0].Address) != domain {
			t.Errorf("%q: %q, where the grammar says %v, %v", value, domain, list, err)
		}
	})
}
