package inbox

import (
	"bytes"
	"testing"

	"belay/rollout/tlsrpt"
)

// FuzzMail holds that no mail makes the walk fail but by an error, find parts
// beyond its bounds, or read a report that its decoder would not give again.
func FuzzMail(f *testing.F) {
	report := reportOf("1", "corp.test")
	f.Add([]byte(mailOf(f, report)))
	f.Add([]byte(newSigner(f, "sender.test").sign(f, mailOf(f, report), noon)))
	f.Add([]byte(mailHeader + partOf("application/zip", "r.zip", zipped(f, map[string]string{"r.json": report})) + "--b1--"))
	f.Add([]byte("From: a@b.test\r\nContent-Type: multipart/mixed; boundary=\r\n\r\n--\r\n\r\n----"))
	f.Add([]byte("From: a@b.test\nContent-Type: message/rfc822\n\n" + report))
	f.Fuzz(func(t *testing.T, raw []byte) {
		found, err := attachments(raw)
		if err == nil && len(found) == 0 {
			t.Error("no attachment and no reason")
		}
		if len(found) > maxParts {
			t.Errorf("%d attachments", len(found))
		}
		var dec tlsrpt.Decoder
		for _, a := range found {
			docs, err := documents(&dec, a)
			if err == nil && len(docs) == 0 {
				t.Error("no report and no reason")
			}
			for _, d := range docs {
				shares(d.report, ours)
				sessions(d.report)
				claimOf(d.from.envelope, d.report.ContactInfo)
			}
		}
		mentionsSignature(bytes.Clone(raw))
	})
}
