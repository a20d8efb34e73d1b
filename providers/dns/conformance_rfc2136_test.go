package dns_test

import (
	"encoding/base64"
	"testing"

	"belay/providers/lab"
)

func rfc2136Entrant() entrant {
	start := func(t *testing.T) bench { return rfc2136Bench(t, false) }
	with := func(change func(map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b := start(t)
			change(b.creds)
			return b
		}
	}
	return entrant{
		start: start,
		misfits: []misfit{
			{"a wrong secret", with(func(c map[string]string) { c["key"] = base64.StdEncoding.EncodeToString([]byte("not the secret")) }), domain, "", "secret"},
			{"an unknown key", with(func(c map[string]string) { c["key_name"] = "other-key" }), domain, "", "other-key"},
			{"a zone that is not there", start, "other.example", "", "keeps no zone"},
			{"nobody listens", with(func(c map[string]string) { c["server"] = "127.0.0.1:1" }), domain, "", "refused"},
		},
	}
}

func rfc2136Bench(t *testing.T, refuse bool) bench {
	l, err := lab.New(lab.Options{Domain: domain, Dir: t.TempDir()})
	if err != nil {
		t.Fatalf("start the lab: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	l.RefuseTransfers(refuse)
	name, alg, secret := l.TSIG()
	b := bench{
		provider:  "rfc2136",
		secretKey: "key",
		creds:     map[string]string{"server": l.NameServer(0), "key_name": name, "key_alg": alg, "key": secret},
		writes:    func(name string) int { return l.Writes()[name] },
		holds:     l.Records,
	}
	b.put = func(t *testing.T, name, typ string, values ...string) {
		if err := l.SetRRset(name, typ, stoodTTL, values...); err != nil {
			t.Fatal(err)
		}
	}
	for _, typ := range []string{"A", "AAAA", "CNAME"} {
		b.put(t, "mta-sts."+domain, typ)
	}
	for _, name := range []string{"_mta-sts.", "_smtp._tls."} {
		b.put(t, name+domain, "TXT")
	}
	b.meanwhile = func(f func()) {
		hook := once(f)
		l.OnUpdate(func(stage string, _ []string) {
			if stage == "before" {
				hook("", "")
			}
		})
	}
	return b
}
