package inbox

import (
	"bytes"
	"io"
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

// FuzzMbox holds that every byte of an mbox is part of one mail or of what stands
// between two, whatever its lengths say, and that what a writer of the dialect
// mboxrd puts in comes out again.
func FuzzMbox(f *testing.F) {
	f.Add([]byte(lead+"Subject: x\n\none\n\n"+lead+"Subject: y\n\n>From z\n"), []byte("a\n"))
	f.Add([]byte(lead+"Content-Length: 99\n\none\n"+lead+"Content-Length: 4\n\ntwo\n\n"+lead), []byte("From b\n>From c\n"))
	f.Add([]byte("From \n\nFrom \n\n"), []byte(">"))
	f.Fuzz(func(t *testing.T, file, body []byte) {
		box := newMbox(bytes.NewReader(file))
		last, size := int64(-1), 0
		for {
			raw, start, err := box.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if start <= last || start >= int64(len(file)) {
				t.Fatalf("a mail at %d after one at %d", start, last)
			}
			last, size = start, size+len(raw)
		}
		if box.at != int64(len(file)) || size > len(file) {
			t.Fatalf("ended at %d of %d bytes with %d", box.at, len(file), size)
		}

		mail := append([]byte("Subject: x\n\n"), bytes.ReplaceAll(body, []byte("\r"), nil)...)
		mail = append(bytes.TrimRight(mail, "\n"), '\n')
		var put bytes.Buffer
		for range 2 {
			put.WriteString(lead)
			for line := range bytes.Lines(mail) {
				if bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte(mboxLead)) {
					put.WriteByte('>')
				}
				put.Write(line)
			}
			put.WriteByte('\n')
		}
		box = newMbox(&put)
		for i := range 2 {
			if got, _, err := box.next(); err != nil || !bytes.Equal(got, mail) {
				t.Fatalf("mail %d was %q and came out as %q, error %v", i, mail, got, err)
			}
		}
	})
}
