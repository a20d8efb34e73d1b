package dns_test

import (
	"slices"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/rollout"

	mdns "github.com/miekg/dns"
)

func TestForms(t *testing.T) {
	change := edit("_mta-sts", "TXT", list(sts1), list(sts2))
	remove := edit("_mta-sts", "CNAME", list("old.example"), nil)
	point := edit("mta-sts", "CNAME", nil, list("policy.example"))
	long := edit("_smtp._tls", "TXT", nil, list("v=TLSRPTv1; rua="+strings.Repeat("x", 300)))
	for _, tc := range []struct {
		shows string
		form  dns.Form
		e     rollout.Edit
		want  string
	}{
		{"a change in a form's fields", dns.Panel, change, `Change this record in the zone corp.test; nothing else may stay at the name with this type:
  name   _mta-sts   (in full _mta-sts.corp.test)
  type   TXT
  TTL    300
  old    ` + sts1 + `
  value  ` + sts2},
		{"a change in a zone file", dns.ZoneFile, change, `; remove: _mta-sts.corp.test. IN TXT "` + sts1 + `"
_mta-sts.corp.test. 300 IN TXT "` + sts2 + `"`},
		{"a change by nsupdate", dns.NSUpdate, change, `zone corp.test.
prereq yxrrset _mta-sts.corp.test. IN TXT "` + sts1 + `"
update delete _mta-sts.corp.test. IN TXT
update add _mta-sts.corp.test. 300 IN TXT "` + sts2 + `"
send`},
		{"a new record by nsupdate", dns.NSUpdate, point, `zone corp.test.
prereq nxdomain mta-sts.corp.test.
update add mta-sts.corp.test. 300 IN CNAME policy.example.
send`},
		{"a new address by nsupdate", dns.NSUpdate, edit("mta-sts", "A", nil, list("192.0.2.1")), `zone corp.test.
prereq nxrrset mta-sts.corp.test. IN A
prereq nxrrset mta-sts.corp.test. IN CNAME
update add mta-sts.corp.test. 300 IN A 192.0.2.1
send`},
		{"a deletion by nsupdate", dns.NSUpdate, remove, `zone corp.test.
prereq yxrrset _mta-sts.corp.test. IN CNAME old.example.
update delete _mta-sts.corp.test. IN CNAME
send`},
		{"a deletion in a zone file", dns.ZoneFile, remove, `; remove: _mta-sts.corp.test. IN CNAME old.example.`},
		{"a new alias in Terraform", dns.Terraform, point, `# Amazon Route 53
resource "aws_route53_record" "mta-sts_cname" {
  zone_id = var.zone_id # the hosted zone of corp.test
  name    = "mta-sts.corp.test"
  type    = "CNAME"
  ttl     = 300
  records = [
    "policy.example.",
  ]
}
# Cloudflare
resource "cloudflare_dns_record" "mta-sts_cname" {
  zone_id = var.zone_id # the zone corp.test
  name    = "mta-sts.corp.test"
  type    = "CNAME"
  ttl     = 300
  content = "policy.example"
  proxied = false # the policy host must be seen as it is
}`},
		{"a deletion in Terraform", dns.Terraform, remove, `# _mta-sts.corp.test CNAME goes: delete its resource from the configuration, such as
# aws_route53_record._mta-sts_cname or cloudflare_dns_record._mta-sts_cname.
# Where Terraform does not manage the record yet, delete it by hand.`},
		{"a long text in Terraform", dns.Terraform, long, `# Amazon Route 53
resource "aws_route53_record" "_smtp__tls_txt" {
  zone_id = var.zone_id # the hosted zone of corp.test
  name    = "_smtp._tls.corp.test"
  type    = "TXT"
  ttl     = 300
  records = [
    "v=TLSRPTv1; rua=` + strings.Repeat("x", 239) + `\"\"` + strings.Repeat("x", 61) + `",
  ]
}
# Cloudflare
resource "cloudflare_dns_record" "_smtp__tls_txt" {
  zone_id = var.zone_id # the zone corp.test
  name    = "_smtp._tls.corp.test"
  type    = "TXT"
  ttl     = 300
  content = "\"v=TLSRPTv1; rua=` + strings.Repeat("x", 239) + `\" \"` + strings.Repeat("x", 61) + `\""
}`},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			if got := tc.form.Write(tc.e); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
	for _, f := range dns.Forms() {
		if again, err := dns.ParseForm(string(f)); err != nil || again != f {
			t.Errorf("the form %s is parsed as %q, %v", f, again, err)
		}
		if text := f.Write(rollout.Edit{Kind: rollout.Policy, After: rollout.Body("x")}); text != "" {
			t.Errorf("%s writes a policy body as a record: %s", f, text)
		}
	}
	if _, err := dns.ParseForm("yaml"); err == nil || !strings.Contains(err.Error(), "panel, zone, nsupdate or terraform") {
		t.Errorf("an unknown form: %v", err)
	}
}

// FuzzZoneLines holds that whatever a record says, its zone-file line and its
// nsupdate line are one line each and read back as the same text.
func FuzzZoneLines(f *testing.F) {
	f.Add(sts1)
	f.Add(`a "quoted" \; text`)
	f.Add(strings.Repeat("x", 600))
	f.Add("line\nbreak\x00\xff; ${x} %{y}")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4000 {
			return
		}
		e := edit("_mta-sts", "TXT", nil, []string{text})
		lines := dns.ZoneLines(e.Name, e.Type, 300, e.After)
		for _, line := range strings.Split(dns.NSUpdate.Write(e), "\n") {
			if added, ok := strings.CutPrefix(line, "update add "); ok {
				lines = append(lines, added)
			}
		}
		if len(lines) != 2 {
			t.Fatalf("%q is written in other than two lines: %q", text, lines)
		}
		for _, line := range lines {
			rr, err := mdns.NewRR(line)
			if err != nil {
				t.Fatalf("%q is written as %q: %v", text, line, err)
			}
			buf := make([]byte, mdns.MaxMsgSize)
			n, err := mdns.PackRR(rr, buf, 0, nil, false)
			if err != nil {
				t.Fatalf("%q is written as %q: %v", text, line, err)
			}
			back, err := onWire(buf[n-int(rr.Header().Rdlength) : n])
			if err != nil || back != text {
				t.Fatalf("%q is written as %q and read as %q (%v)", text, line, back, err)
			}
		}
		if tf := dns.Terraform.Write(e); slices.ContainsFunc(strings.Split(tf, "\n"), func(l string) bool { return strings.Count(l, `"`) == 1 }) {
			t.Fatalf("%q breaks a line of\n%s", text, tf)
		}
	})
}

// onWire joins the character-strings of TXT rdata.
func onWire(data []byte) (string, error) {
	var b strings.Builder
	for len(data) > 0 {
		n := int(data[0])
		if len(data) < 1+n {
			return b.String(), mdns.ErrBuf
		}
		b.Write(data[1 : 1+n])
		data = data[1+n:]
	}
	return b.String(), nil
}
