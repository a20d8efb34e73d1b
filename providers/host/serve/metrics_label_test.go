package serve

import "testing"

func TestLabelsAreEscapedAsPrometheusReadsThem(t *testing.T) {
	for value, want := range map[string]string{
		"mta-sts.corp.test": "m{host=\"mta-sts.corp.test\"} 1\n",
		"a\"b\\c\nd":        "m{host=\"a\\\"b\\\\c\\nd\"} 1\n",
		"\x1b\u00fc\t":      "m{host=\"\x1b\u00fc\t\"} 1\n",
		"\xff":              "m{host=\"\uFFFD\"} 1\n",
	} {
		w := exposition{name: "m"}
		w.sample(1, "host", value)
		if got := w.String(); got != want {
			t.Errorf("%q is written %q, not %q", value, got, want)
		}
	}
}
