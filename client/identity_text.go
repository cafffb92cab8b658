package client

import (
	"encoding/pem"
	"strings"
)

// lineEnds undoes the \n of a JSON or YAML string that was copied with its backslashes.
var lineEnds = strings.NewReplacer(`\r\n`, "\n", `\n`, "\n", `\r`, "\n")

// PlainText is a PEM or base64 text without what programs put around it: UTF-16 as PowerShell and Notepad write
// it, the mark at its start, line ends that were written as \n, quotes, and the indentation of YAML.
func PlainText(text string) string {
	if strings.Contains(text, "\x00") {
		// UTF-16, whose every second byte is a zero here. What the command line reads from a file comes with
		// U+FFFD for each byte of the mark.
		for _, mark := range []string{"\xff\xfe", "\xfe\xff", "\ufffd\ufffd"} {
			text = strings.TrimPrefix(text, mark)
		}
		text = strings.ReplaceAll(text, "\x00", "")
	}
	text = lineEnds.Replace(strings.TrimPrefix(text, byteOrderMark))
	lines := strings.Split(strings.Trim(strings.TrimSpace(text), `"'`), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

// IsPFX tells whether a text is a PKCS #12 file, in base64 or in PEM under whatever label: `certutil -encode`
// of Windows calls it a certificate.
func IsPFX(text string) bool {
	if len(text) > 2*maxPFX { // as for one that is called so
		return false
	}
	text = PlainText(text)
	der, err := decodeBase64(text)
	if armoured := unarmour(text); armoured != nil {
		der, err = armoured, nil
	}
	return err == nil && startsLikePFX(der)
}

// unarmour returns the PFX in the one PEM block of a text, nil if it holds anything else.
func unarmour(text string) []byte {
	if strings.Count(text, pemBegin) != 1 {
		return nil
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil || !startsLikePFX(block.Bytes) {
		return nil
	}
	return block.Bytes
}

// startsLikePFX looks at the type of the file only, so that one that is damaged behind it gets a PFX's errors.
func startsLikePFX(der []byte) bool {
	var pdu pfxPDU
	_, err := unmarshalBER(der, &pdu)
	return err == nil && pdu.Version == 3 && len(pdu.AuthSafe.Type) > 0
}
