package inbox

import (
	"testing"
)

// FuzzArchive holds that whatever stands where a report should, plain, compressed or
// in a zip, is read within bounds, and is a report or has a reason.
func FuzzArchive(f *testing.F) {
	report := reportOf("1", "corp.test")
	f.Add([]byte(report))
	f.Add(gzipped(f, report))
	f.Add(zipped(f, map[string]string{"../r.json": report, "r.json.gz": string(gzipped(f, report)), "x.txt": "no report"}))
	f.Add(zipped(f, nil))
	f.Fuzz(func(t *testing.T, body []byte) {
		dec := newDecoder()
		docs, err := documents(dec, attachment{raw: body, name: "r.zip", body: body})
		if err == nil && len(docs) == 0 {
			t.Error("no report and no reason")
		}
		if len(docs) > maxEntries {
			t.Errorf("%d reports", len(docs))
		}
		for _, d := range docs {
			weight(d.report)
			if err := thinkable(d.report, noon); err != nil && unfit(err.Error()) {
				t.Errorf("a reason with control characters: %q", err)
			}
		}
	})
}
