package client

import (
	"bytes"
	"encoding/asn1"
	"errors"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// maxBERDepth bounds how deep BER may nest. A PFX needs 8 levels; the library keeps a copy of its content for
// each, so a file of 128 KiB takes some 50 MB for a moment at most.
const maxBERDepth = 32

// Nobody else in this process reads BER: the library has this bound for the whole of it.
func init() { ber.MaxNestingDepth = maxBERDepth }

var errBER = errors.New("damaged BER")

// unmarshalBER is asn1.Unmarshal for BER too, of which DER is a part: NSS, Firefox and Bouncy Castle write
// indefinite lengths and strings in pieces. Whether data is one or the other shows at each level anew, since
// the strings of a PFX hold structures.
func unmarshalBER(data []byte, into any) (rest []byte, err error) {
	if rest, err = asn1.Unmarshal(data, into); err == nil {
		return rest, nil
	}
	der, rest, err := toDER(data)
	if err != nil {
		return nil, err
	}
	return rest, unmarshalExactly(der, into)
}

// unmarshalWhole is unmarshalBER that tolerates nothing after the value.
func unmarshalWhole(data []byte, into any) error {
	rest, err := unmarshalBER(data, into)
	if err == nil && len(rest) != 0 {
		return errBER
	}
	return err
}

// toDER converts the first value in data, and returns what follows it.
func toDER(data []byte) (der, rest []byte, err error) {
	reader := bytes.NewReader(data)
	packet, err := ber.ReadPacket(reader)
	if err != nil {
		return nil, nil, errBER
	}
	der, err = encodeDER(packet)
	return der, data[len(data)-reader.Len():], err
}

// encodeDER encodes with definite lengths, and puts strings in pieces together. What is in pieces under a tag
// of its own can't be told from what it stands for without knowing the structure: see octets.
func encodeDER(p *ber.Packet) ([]byte, error) {
	value := asn1.RawValue{Class: int(p.ClassType >> 6), Tag: int(p.Tag), IsCompound: p.TagType == ber.TypeConstructed}
	switch {
	case !value.IsCompound:
		value.Bytes = p.Data.Bytes()
	case p.ClassType == ber.ClassUniversal && p.Tag == ber.TagOctetString:
		content, err := joinOctets(p)
		if err != nil {
			return nil, err
		}
		value.IsCompound, value.Bytes = false, content
	default:
		for _, child := range p.Children {
			der, err := encodeDER(child)
			if err != nil {
				return nil, err
			}
			value.Bytes = append(value.Bytes, der...)
		}
	}
	return asn1.Marshal(value)
}

// joinOctets puts the pieces of an OCTET STRING together (X.690 section 8.7.3).
func joinOctets(p *ber.Packet) ([]byte, error) {
	var content []byte
	for _, piece := range p.Children {
		switch {
		case piece.ClassType != ber.ClassUniversal || piece.Tag != ber.TagOctetString:
			return nil, errBER
		case piece.TagType == ber.TypePrimitive:
			content = append(content, piece.Data.Bytes()...)
		default:
			deeper, err := joinOctets(piece)
			if err != nil {
				return nil, err
			}
			content = append(content, deeper...)
		}
	}
	return content, nil
}

// octets is the content of an OCTET STRING whose tag another one replaces, in one piece or in several.
func octets(value asn1.RawValue) ([]byte, error) {
	if !value.IsCompound {
		return value.Bytes, nil
	}
	packet, err := ber.DecodePacketErr(value.FullBytes)
	if err != nil {
		return nil, errBER
	}
	return joinOctets(packet)
}
