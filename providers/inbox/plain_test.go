package inbox

import (
	"maps"
	"mime"
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

func TestPlainMediaType(t *testing.T) {
	for value, want := range map[string]map[string]string{
		`multipart/report; report-type="tlsrpt"; boundary="b 1:=?"`: {"report-type": "tlsrpt", "boundary": "b 1:=?"},
		`Application/TLSRPT+gzip;Name=a.test!b`:                     nil,
		`attachment; FILENAME=a.test_1.json.gz`:                     {"filename": "a.test_1.json.gz"},
		`text/plain`:                                                {},
		`text/plain; charset="a\"b"`:                                nil,
		`text/plain; a=b; A=c`:                                      nil,
		`text/plain; a*=utf-8''b`:                                   nil,
		`text/plain;`:                                               {},
		`text/plain; a=b;`:                                          nil,
		`text/plain; a`:                                             nil,
		`; a=b`:                                                     nil,
		`a/b/c; a=b`:                                                nil,
	} {
		_, params, ok := plainMediaType(value)
		if ok != (want != nil) || ok && !maps.Equal(params, want) {
			t.Errorf("%q: %v, %t", value, params, ok)
		}
	}
}

// FuzzPlainMediaType shows that what is read without the grammar is what the grammar
// says.
func FuzzPlainMediaType(f *testing.F) {
	for _, value := range []string{`a/b; c="d e"; f=g`, `attachment; filename=a.b`, `a/b;c=d`, `a;b="";c=d`, ` A/b ; c=d`, `a/b; C-1=d`} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		kind, params, ok := plainMediaType(value)
		if !ok {
			return
		}
		wantKind, want, err := mime.ParseMediaType(value)
		if err != nil || kind != wantKind || !maps.Equal(params, want) {
			t.Errorf("%q: %q %v, where the grammar says %q %v, %v", value, kind, params, wantKind, want, err)
		}
	})
}
