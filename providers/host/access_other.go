//go:build !unix

package host

import "os"

// mayWrite says whether dir can at least be opened: this system tells no more
// without a write.
func mayWrite(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return d.Close()
}
