namespace Evo.Data;

/// <summary>A set of characters, as a class of a regular expression names it; quick to ask for ASCII.</summary>
internal sealed class RuneSet
{
    private readonly UInt128 ascii;
    private readonly Func<int, bool> contains;

    public RuneSet(Func<int, bool> contains)
    {
        this.contains = contains;
        for (var rune = 0; rune < 128; rune++)
            if (contains(rune)) ascii |= UInt128.One << rune;
    }

    public bool Contains(int rune) => rune < 128 ? (ascii >> rune & UInt128.One) != UInt128.Zero : contains(rune);

    /// <summary>The set without regard to case: whatever has a fold in common with one of its characters.</summary>
    public static Func<int, bool> IgnoringCase(Func<int, bool> contains) => rune =>
        contains(rune) || contains(Fold(rune)) || contains(Upper(rune))
        // The characters beyond ASCII whose case belongs to an ASCII letter: long s and the Kelvin sign.
        || (Fold(rune) == 's' && contains(0x17F)) || (Fold(rune) == 'k' && contains(0x212A));

    private static int Fold(int rune) => rune switch
    {
        0x17F => 's',
        0x212A => 'k',
        >= 0xD800 and < 0xE000 => rune,
        _ => System.Text.Rune.ToLowerInvariant(new(rune)).Value,
    };

    private static int Upper(int rune) => Fold(rune) is var lower and (< 0xD800 or >= 0xE000) ? System.Text.Rune.ToUpperInvariant(new(lower)).Value : rune;
}
