package inbox

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/gzip"

	"belay/rollout/tlsrpt"
)

// newDecoder reads reports in bounded memory, whatever they unfold to.
func newDecoder() *tlsrpt.Decoder {
	return &tlsrpt.Decoder{Fold: true, Unzip: new(gzip.Reader)}
}

// readReport reads one report, plain or gzipped. A report that must not be used
// is an error, whatever could be read of it: what it says is in doubt.
func readReport(d *tlsrpt.Decoder, b []byte) (tlsrpt.Report, error) {
	report, _, err := d.Decode(bytes.NewReader(b))
	if err != nil {
		return tlsrpt.Report{}, fmt.Errorf("read report: %w", err)
	}
	return report, nil
}
