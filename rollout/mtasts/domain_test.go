package mtasts_test

import (
	"strings"
	"testing"

	"belay/rollout/mtasts"
)

func TestDomain(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 60)+".", 4) + "example"
	tests := []struct {
		name, typed, ascii, unicode string
		err                         string // part of the error, if one is due
	}{
		{"plain", "corp.test", "corp.test", "corp.test", ""},
		{"case, dot and spaces", "  Corp.TEST. ", "corp.test", "corp.test", ""},
		{"Unicode", "Bücher.example", "xn--bcher-kva.example", "bücher.example", ""},
		{"A-label", "xn--bcher-kva.example", "xn--bcher-kva.example", "bücher.example", ""},
		{"subdomain", "mail.corp.co.uk", "mail.corp.co.uk", "mail.corp.co.uk", ""},
		{"empty", " ", "", "", "no domain was given"},
		{"IPv4", "192.0.2.1", "", "", "IP address"},
		{"IPv6", "2001:db8::1", "", "", "IP address"},
		{"address literal", "[192.0.2.1]", "", "", "IP address"},
		{"URL", "https://corp.test/", "", "", "is a URL"},
		{"path", "corp.test/x", "", "", "path"},
		{"mail address", "admin@corp.test", "", "", "mail address"},
		{"port", "corp.test:25", "", "", "port"},
		{"wildcard", "*.corp.test", "", "", "wildcard"},
		{"two domains", "corp.test, corp.example", "", "", "separator"},
		{"single label", "localhost", "", "", "single label"},
		{"top-level domain", "com", "", "", "public suffix"},
		{"public suffix", "co.uk", "", "", "public suffix"},
		{"underscore", "my_corp.test", "", "", "underscore"},
		{"empty label", "corp..test", "", "", "empty label"},
		{"two trailing dots", "corp.test..", "", "", "empty label"},
		{"dot alone", ".", "", "", "not a domain name"},
		{"ideographic dot", "corp.test。", "corp.test", "corp.test", ""},
		{"leading dot", ".corp.test", "", "", "empty label"},
		{"hyphen", "-corp.test", "", "", "hyphen"},
		{"long label", strings.Repeat("a", 64) + ".test", "", "", "longer than 63"},
		{"too long", long, "", "", "too long"},
		{"ends in a number", "corp.123", "", "", "number"},
		{"bad punycode", "xn--0.test", "", "", "not a domain name"},
		{"escape sequence", "corp\x1b[2J.test", "", "", "not a domain name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ascii, unicode, err := mtasts.Domain(tt.typed)
			if tt.err == "" {
				if err != nil || ascii != tt.ascii || unicode != tt.unicode {
					t.Errorf("got %q, %q, %v", ascii, unicode, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("got %q, error %v, want one that says %q", ascii, err, tt.err)
			}
			if strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("the error has control characters: %q", err)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		mtasts.PolicyURL("corp.test"):  "https://mta-sts.corp.test/.well-known/mta-sts.txt",
		mtasts.PolicyHost("corp.test"): "mta-sts.corp.test",
		mtasts.RecordName("corp.test"): "_mta-sts.corp.test",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestMatchBeyondTheVectors(t *testing.T) {
	tests := []struct {
		host, pattern string
		want          bool
	}{
		{"recv-example.mail.protection.outlook.com", "*.mail.protection.outlook.com", true},
		{"alt1.aspmx.l.google.com", "*.aspmx.l.google.com", true},
		{"aspmx.l.google.com", "*.google.com", false},
		{"mx.bücher.example", "mx.xn--bcher-kva.example", true},
		{"mx.xn--bcher-kva.example", "mx.bücher.example", false},
		{"mx1.recv.example", "mx1.recv.example.", false},
		{"mx1.recv.example..", "mx1.recv.example", false},
		{"", "mx1.recv.example", false},
		{".", "*.recv.example", false},
		{"192.0.2.25", "192.0.2.25", false},
	}
	for _, tt := range tests {
		if got := mtasts.Match(tt.host, tt.pattern); got != tt.want {
			t.Errorf("Match(%q, %q) = %v", tt.host, tt.pattern, got)
		}
	}
}

func FuzzDomain(f *testing.F) {
	f.Add("Bücher.example.")
	f.Add("https://x@[::1]:25/..")
	f.Fuzz(func(t *testing.T, typed string) {
		ascii, _, err := mtasts.Domain(typed)
		if err != nil {
			return
		}
		again, _, err := mtasts.Domain(ascii)
		if err != nil || again != ascii {
			t.Errorf("%q became %q, and that %q, %v", typed, ascii, again, err)
		}
		if err := mtasts.ValidPattern(mtasts.PolicyHost(ascii)); err != nil {
			t.Errorf("%q gives a policy host that is no host: %v", typed, err)
		}
	})
}
