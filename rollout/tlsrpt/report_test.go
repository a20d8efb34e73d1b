package tlsrpt_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"belay/providers/lab"
	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// sample is a report as belay's own writer makes it.
func sample() tlsrpt.Report {
	return tlsrpt.Report{
		OrganizationName: "Sender Mail Co.",
		Start:            time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		End:              time.Date(2026, 3, 1, 23, 59, 59, 0, time.UTC),
		ContactInfo:      "tls-reports@sender.example",
		ReportID:         "2026-03-01_recv.example",
		Policies: []tlsrpt.Policy{{
			Type:       tlsrpt.STS,
			Strings:    []string{"version: STSv1", "mode: testing", "mx: *.recv.example", "max_age: 86400"},
			Domain:     "recv.example",
			MXHosts:    []string{"*.recv.example"},
			Successful: 5326,
			Failed:     100,
			Failures: []tlsrpt.Failure{{
				Type:        tlsrpt.CertificateExpired,
				SendingIP:   netip.MustParseAddr("2001:db8::1"),
				ReceivingMX: "mx1.recv.example",
				ReceivingIP: netip.MustParseAddr("192.0.2.25"),
				Sessions:    100,
				ReasonCode:  "X509_V_ERR_CERT_HAS_EXPIRED <&> \u2028",
			}},
		}},
	}
}

func mustJSON(t testing.TB, r tlsrpt.Report) string {
	t.Helper()
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestParseReportReadsBackWhatJSONWrites(t *testing.T) {
	want := sample()
	text := mustJSON(t, want)
	for name, r := range map[string]*strings.Reader{"at once": strings.NewReader(text), "again": strings.NewReader(text)} {
		got, fs, err := tlsrpt.ParseReport(r)
		if err != nil || len(fs) > 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, %v", name, got, fs, err)
		}
	}
	got, fs, err := tlsrpt.ParseReport(iotest.OneByteReader(strings.NewReader(text)))
	if err != nil || len(fs) > 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("byte by byte: got %+v, %v, %v", got, fs, err)
	}
}

func TestParseReportVerdicts(t *testing.T) {
	text := mustJSON(t, sample())
	edit := func(old, by string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("the sample has no %s", old)
		}
		return strings.Replace(text, old, by, 1)
	}
	const start = `"start-datetime":"2026-03-01T00:00:00Z"`
	const end = `"end-datetime":"2026-03-01T23:59:59Z"`
	const ok, fail = `"total-successful-session-count":5326`, `"total-failure-session-count":100`
	tests := []struct {
		name, text string
		verdict    finding.Verdict
	}{
		{"as it is", text, finding.Accept},
		{"white space around", " \n" + text + "\r\n\t", finding.Accept},
		{"unknown members", edit(`{"organ`, `{"x":{"y":[1,-2.5e+3,true,null,"\ud83d\ude00"]},"organ`), finding.Accept},
		{"escaped member name", edit(`"report-id"`, `"report\u002did"`), finding.Accept},
		{"ends at the next midnight", edit(end, `"end-datetime":"2026-03-02T00:00:00Z"`), finding.Accept},
		{"offset and fraction", edit(start, `"start-datetime":"2026-03-01T01:00:00.25+01:00"`), finding.Accept},
		{"domain in upper case", edit(`"policy-domain":"recv.example"`, `"policy-domain":"RECV.example"`), finding.Accept},
		{"carriage return in a policy line", edit(`"mode: testing"`, `"mode: testing\r"`), finding.Accept},
		{"details of a tenant elsewhere", edit(`"mx-host":["*.recv.example"]`, `"mx-host":["*.mail.protection.outlook.com"]`), finding.Accept},
		{"two days", edit(end, `"end-datetime":"2026-03-02T23:59:59Z"`), finding.Usable},
		{"no zone", edit(start, `"start-datetime":"2026-03-01T00:00:00"`), finding.Usable},
		{"leap second", edit(end, `"end-datetime":"2026-03-01T23:59:60Z"`), finding.Usable},
		{"no policy-domain", edit(`"policy-domain":"recv.example",`, ``), finding.Usable},
		{"Unicode policy-domain", edit(`"policy-domain":"recv.example"`, `"policy-domain":"bücher.example"`), finding.Usable},
		{"mx-host under another name", edit(`"mx-host":`, `"mx-host-pattern":`), finding.Usable},
		{"policy-type in upper case", edit(`"policy-type":"sts"`, `"policy-type":"STS"`), finding.Usable},
		{"one total left out", edit(`,`+fail, ``), finding.Usable},
		{"address with a zone", edit(`"2001:db8::1"`, `"fe80::1%eth0"`), finding.Usable},
		{"no policies in the list", `{"organization-name":"o","date-range":{` + start + `,` + end + `},"contact-info":"a@b.example","report-id":"1","policies":[]}`, finding.Usable},
		{"null report-id", edit(`"report-id":"2026-03-01_recv.example"`, `"report-id":null`), finding.Usable},
		{"period backwards", edit(end, `"end-datetime":"2026-02-01T00:00:00Z"`), finding.Reject},
		{"February 30", edit(start, `"start-datetime":"2026-02-30T00:00:00Z"`), finding.Reject},
		{"space for T", edit(start, `"start-datetime":"2026-03-01 00:00:00Z"`), finding.Reject},
		{"date as a number", edit(start, `"start-datetime":1772323200`), finding.Reject},
		{"offset of 24 hours", edit(start, `"start-datetime":"2026-03-01T00:00:00+24:00"`), finding.Reject},
		{"no end", edit(start+`,`+end, start), finding.Reject},
		{"null date-range", edit(`{`+start+`,`+end+`}`, `null`), finding.Reject},
		{"duplicate member", edit(`{"organ`, `{"report-id":"2","organ`), finding.Reject},
		{"duplicate by escape", edit(`{"organ`, `{"report\u002did":"2","organ`), finding.Reject},
		{"duplicate unknown member", edit(`{"organ`, `{"x":[{"y":1,"y":2}],"organ`), finding.Reject},
		{"negative count", edit(ok, `"total-successful-session-count":-1`), finding.Reject},
		{"fraction of a session", edit(ok, `"total-successful-session-count":1.0`), finding.Reject},
		{"exponent", edit(ok, `"total-successful-session-count":1e3`), finding.Reject},
		{"null count", edit(ok, `"total-successful-session-count":null`), finding.Reject},
		{"largest count", edit(ok, `"total-successful-session-count":9007199254740991`), finding.Accept},
		{"one more", edit(ok, `"total-successful-session-count":9007199254740992`), finding.Reject},
		{"far too many", edit(ok, `"total-successful-session-count":99999999999999999999999`), finding.Reject},
		{"leading zero", edit(ok, `"total-successful-session-count":05`), finding.Reject},
		{"no totals", edit(`{`+ok+`,`+fail+`}`, `{}`), finding.Reject},
		{"no policy-type", edit(`"policy-type":"sts",`, ``), finding.Reject},
		{"no result-type", edit(`"result-type":"certificate-expired",`, ``), finding.Reject},
		{"no failed-session-count", edit(`"failed-session-count":100,`, ``), finding.Reject},
		{"failure-details an object", edit(`"failure-details":[`, `"failure-details":{},"x":[`), finding.Reject},
		{"element that is no object", edit(`"policies":[`, `"policies":[1,`), finding.Reject},
		{"policies null", edit(`"policies":[`, `"policies":null,"x":[`), finding.Reject},
		{"policy line that is no string", edit(`"mode: testing"`, `1`), finding.Reject},
		{"raw newline in a string", edit(`Sender Mail`, "Sender\nMail"), finding.Reject},
		{"half a surrogate pair", edit(`Sender Mail`, `\ud83d`), finding.Reject},
		{"two high surrogates", edit(`Sender Mail`, `\ud83d\ud83d`), finding.Reject},
		{"noncharacter", edit(`Sender Mail`, `\uffff`), finding.Reject},
		{"overlong UTF-8", edit(`Sender Mail`, "\xc0\xaf"), finding.Reject},
		{"unknown escape", edit(`Sender Mail`, `\x41`), finding.Reject},
		{"comma behind the last member", strings.TrimSuffix(text, "}") + ",}", finding.Reject},
		{"missing comma", edit(`,"report-id"`, ` "report-id"`), finding.Reject},
		{"second text", text + text, finding.Reject},
		{"NUL behind the text", text + "\x00", finding.Reject},
		{"NaN", edit(ok, `"total-successful-session-count":NaN`), finding.Reject},
		{"too deep", edit(`{"organ`, `{"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`,"organ`), finding.Reject},
		{"empty", "", finding.Reject},
		{"a string", `"report"`, finding.Reject},
		{"ZIP", "PK\x03\x04", finding.Reject},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, fs, err := tlsrpt.ParseReport(strings.NewReader(tt.text))
			if got := finding.VerdictOf(fs); got != tt.verdict {
				t.Errorf("verdict %s, want %s: %v", got, tt.verdict, fs)
			}
			if (err != nil) != (tt.verdict == finding.Reject) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestParseReportPointsAtTheFault(t *testing.T) {
	_, fs, err := tlsrpt.ParseReport(strings.NewReader("{\n \"a\": 1,\n  \"a\": 2}"))
	if err == nil || len(fs) != 1 || fs[0].Code != "V16" || fs[0].Line != 3 || fs[0].Column != 3 {
		t.Errorf("got %+v, %v", fs, err)
	}
	if want := `line 3, column 3: the member "a" stands twice`; err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("error %q lacks %q", err, want)
	}
}

func zip(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParseReportCompressed(t *testing.T) {
	whole := zip(t, []byte(mustJSON(t, sample())))
	wrongSum := bytes.Clone(whole)
	wrongSum[len(wrongSum)-6] ^= 1
	tests := []struct {
		name string
		text []byte
		err  string
	}{
		{"whole", whole, ""},
		{"checksum wrong", wrongSum, "checksum"},
		{"cut off before the checksum", whole[:len(whole)-8], "EOF"},
		{"cut off in the middle", whole[:len(whole)/2], "EOF"},
		{"head only", whole[:5], "EOF"},
		{"garbage behind", append(bytes.Clone(whole), "garbage behind it"...), "header"},
		{"compressed twice", zip(t, whole), "twice"},
		{"bomb", lab.Gzip(strings.Repeat(" ", tlsrpt.MaxReport+1)), "limit"},
	}
	var d tlsrpt.Decoder
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, fs, err := d.Decode(bytes.NewReader(tt.text))
			switch {
			case tt.err == "" && (err != nil || len(fs) > 0):
				t.Errorf("got %v, %v", fs, err)
			case tt.err != "" && (err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(tt.err))):
				t.Errorf("error %v, want one about %s", err, tt.err)
			case tt.err != "" && finding.Worst(fs) != finding.Fail:
				t.Errorf("findings %v", fs)
			}
		})
	}
}

func TestParseReportLimits(t *testing.T) {
	endless := func(piece string) *endlessReader { return &endlessReader{piece: piece} }
	for name, r := range map[string]*endlessReader{
		"text without end":   endless(" "),
		"string without end": {head: `{"x":"`, piece: "a"},
		"lists without end":  {head: `{"policies":[`, piece: `{"failure-details":[]},`},
		"members":            {head: `{`, piece: "", member: true},
		"compressed":         {head: string(zip(t, []byte(mustJSON(t, sample())))), piece: string(zip(t, nil))},
	} {
		t.Run(name, func(t *testing.T) {
			_, fs, err := tlsrpt.ParseReport(r)
			if err == nil || finding.Worst(fs) != finding.Fail || len(fs) > 60 {
				t.Errorf("got %d findings, %v", len(fs), err)
			}
			if r.read > tlsrpt.MaxReport+(64<<10) {
				t.Errorf("read %d bytes", r.read)
			}
		})
	}
}

// endlessReader gives head once and then piece, or ever new members, for ever.
type endlessReader struct {
	head, piece string
	member      bool
	read, n     int
	rest        string
}

func (r *endlessReader) Read(p []byte) (int, error) {
	if r.rest == "" {
		switch {
		case r.read == 0 && r.head != "":
			r.rest = r.head
		case r.member:
			r.n++
			r.rest = fmt.Sprintf(`"m%d":1,`, r.n)
		default:
			r.rest = strings.Repeat(r.piece, 1+4096/len(r.piece))
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	r.read += n
	return n, nil
}

func TestParseReportFindingsAreBounded(t *testing.T) {
	r := sample()
	for range 1000 {
		r.Policies[0].Failures = append(r.Policies[0].Failures, tlsrpt.Failure{Type: "new-type", Sessions: 1})
	}
	got, fs, err := tlsrpt.ParseReport(strings.NewReader(mustJSON(t, r)))
	if err != nil || len(got.Policies[0].Failures) != 1001 || len(fs) > 60 {
		t.Errorf("%d failures, %d findings, %v", len(got.Policies[0].Failures), len(fs), err)
	}
	if last := fs[len(fs)-1]; !strings.Contains(last.Title, "more") {
		t.Errorf("nothing says that findings were left out: %s", last)
	}
}
