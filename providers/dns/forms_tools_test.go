package dns_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab"
	"belay/rollout"
)

// tool is the path of a program that reads a form. CI has them all.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed, and CI installs it", name)
		}
		t.Skipf("%s is not installed, so what is written for it was not given to it", name)
	}
	return path
}

// The nsupdate form does at a name server what the edit says, and nothing where
// something else stands there than the plan saw.
func TestNSUpdateFormIsTakenByNSUpdate(t *testing.T) {
	nsupdate := tool(t, "nsupdate")
	l, err := lab.New(lab.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	host, port, _ := strings.Cut(l.NameServer(0), ":")
	key, algorithm, secret := l.TSIG()
	run := func(e rollout.Edit) error {
		t.Helper()
		c := exec.CommandContext(ctx(t), nsupdate, "-y", algorithm+":"+key+":"+secret)
		c.Stdin = strings.NewReader("server " + host + " " + port + "\n" + dns.NSUpdate.Write(e) + "\n")
		out, err := c.CombinedOutput()
		t.Logf("%s: %s", e, out)
		return err
	}
	holds := func(e rollout.Edit, want []string) {
		t.Helper()
		if got := l.Records(e.Name, e.Type); !slices.Equal(got, want) {
			t.Fatalf("after %s there stands %q, want %q", e, got, want)
		}
	}
	odd := `a "quoted" \; text ` + strings.Repeat("x", 300)
	create := edit("_mta-sts", "TXT", nil, []string{sts1, odd})
	if err := run(create); err != nil {
		t.Fatal(err)
	}
	holds(create, create.After.Records)
	if err := run(create); err == nil {
		t.Error("what stands there already was made again")
	}
	change := edit("_mta-sts", "TXT", []string{sts1, odd}, []string{sts2, odd})
	if err := run(change); err != nil {
		t.Fatal(err)
	}
	holds(change, change.After.Records)
	if err := run(change); err == nil {
		t.Error("what the plan did not see was changed")
	}
	holds(change, change.After.Records)
	remove := edit("_mta-sts", "TXT", []string{sts2, odd}, nil)
	if err := run(remove); err != nil {
		t.Fatal(err)
	}
	holds(remove, nil)
	alias := edit("_mta-sts", "CNAME", nil, []string{"vendor.control.test"})
	if err := run(alias); err != nil {
		t.Fatal(err)
	}
	holds(alias, []string{"vendor.control.test"})
	// RFC 2136 section 3.4.2.2: beside an alias nothing is added, and no alias beside
	// anything, and the server says that all is well.
	if err := run(edit("_mta-sts", "TXT", nil, []string{sts1})); err == nil {
		t.Error("a text beside an alias was passed over in silence")
	}
	text := edit("_smtp._tls", "TXT", nil, []string{rpt})
	if err := run(text); err != nil {
		t.Fatal(err)
	}
	if err := run(edit("_smtp._tls", "CNAME", nil, []string{"vendor.control.test"})); err == nil {
		t.Error("an alias beside a text was passed over in silence")
	}
	holds(text, text.After.Records)
}

// The parser of Terraform's language reads the resources, and its formatter, which
// terraform fmt is made of, finds nothing to change.
func TestTerraformFormIsReadByItsParser(t *testing.T) {
	hclfmt := tool(t, "hclfmt")
	read := func(text string) (string, error) {
		c := exec.CommandContext(ctx(t), hclfmt, "-check")
		c.Stdin = strings.NewReader(text)
		out, err := c.Output()
		return string(out), err
	}
	for _, e := range []rollout.Edit{
		edit("_mta-sts", "TXT", []string{sts1}, []string{sts2}),
		edit("_smtp._tls", "TXT", nil, []string{`${x} %{y} "quoted" \; text ` + strings.Repeat("x", 300)}),
		edit("mta-sts", "A", nil, []string{"192.0.2.1", "192.0.2.2"}),
		edit("mta-sts", "CNAME", []string{"old.example"}, nil),
	} {
		text := dns.Terraform.Write(e) + "\n"
		if out, err := read(text); err != nil {
			t.Errorf("%s is not read: %v\n%s", e, err, text)
		} else if out != text {
			t.Errorf("%s is written\n%s\nand formatted\n%s", e, text, out)
		}
		if unescaped := strings.NewReplacer("$${", "${", "%%{", "%{").Replace(text); unescaped != text {
			if _, err := read(unescaped); err == nil {
				t.Errorf("it reads what is not escaped, too:\n%s", unescaped)
			}
		}
	}
}
