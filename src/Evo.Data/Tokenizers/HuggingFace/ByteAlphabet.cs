namespace Evo.Data;

/// <summary>
/// The alphabet in which byte-level vocabularies write bytes: those that show stand for themselves, the other 68 for
/// U+0100 on, in order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] OfByte = Alphabet();
    private static readonly Dictionary<char, byte> OfCharacter = Enumerable.Range(0, 256).ToDictionary(value => OfByte[value], value => (byte)value);

    /// <summary>The character that stands for a byte.</summary>
    public static char Character(byte value) => OfByte[value];

    /// <summary>The bytes that a piece stands for; null where one of its characters is none of the alphabet.</summary>
    public static byte[]? Bytes(string piece)
    {
        var bytes = new byte[piece.Length];
        for (var i = 0; i < piece.Length; i++)
            if (!OfCharacter.TryGetValue(piece[i], out bytes[i])) return null;
        return bytes;
    }

    private static char[] Alphabet()
    {
        var alphabet = new char[256];
        var hidden = 0;
        for (var value = 0; value < 256; value++)
            alphabet[value] = value is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)value : (char)(0x100 + hidden++);
        return alphabet;
    }
}
