namespace Evo.Data;

/// <summary>
/// The split patterns of the large families, as scanners over characters. Each stands for a regular expression and
/// gives its matches exactly; .NET's own engine would not, since it takes UTF-16 halves for characters.
/// </summary>
internal sealed class KnownPattern : SplitPattern
{
    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public const string Llama3 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string Qwen2 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    // As Llama3, but spaces at the end of the text stay together even behind a line break.
    public const string Cl100k =
        @"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";

    private readonly bool gpt2, keepsTrail;
    private readonly int digits;

    private KnownPattern(bool gpt2, int digits, bool keepsTrail = false) => (this.gpt2, this.digits, this.keepsTrail) = (gpt2, digits, keepsTrail);

    /// <summary>The scanner of a regular expression, or null where there is none.</summary>
    public static SplitPattern? Of(string pattern) => pattern switch
    {
        Gpt2 => new KnownPattern(true, int.MaxValue),
        Llama3 => new KnownPattern(false, 3),
        Qwen2 => new KnownPattern(false, 1),
        Cl100k => new KnownPattern(false, 3, keepsTrail: true),
        _ => null,
    };

    // Every character belongs to a match, so the next one begins right here.
    public override bool Next(ReadOnlySpan<byte> text, int from, out int start, out int end)
    {
        start = end = from;
        if (from >= text.Length) return false;
        end = gpt2 ? EndGpt2(text, from) : EndLlama3(text, from);
        return true;
    }

    private static int EndGpt2(ReadOnlySpan<byte> text, int at)
    {
        var contraction = Contraction(text, at, ignoreCase: false);
        if (contraction > 0) return at + contraction;
        var word = text[at] == ' ' && at + 1 < text.Length ? at + 1 : at;
        var kind = RuneClasses.Of(RuneClasses.At(text, word, out var length)) & (RuneClass.Letter | RuneClass.Number | RuneClass.Space);
        if (kind == RuneClass.Space) return EndOfSpaces(text, at);
        return Run(text, word + length, kind);
    }

    private int EndLlama3(ReadOnlySpan<byte> text, int at)
    {
        var contraction = Contraction(text, at, ignoreCase: true);
        if (contraction > 0) return at + contraction;

        var rune = RuneClasses.At(text, at, out var length);
        var kind = KindOf(rune);
        if (kind == RuneClass.Letter) return Run(text, at + length, RuneClass.Letter);
        if (kind == RuneClass.Number)
        {
            var end = at + length;
            for (var i = 1; i < digits && end < text.Length && KindOf(RuneClasses.At(text, end, out length)) == RuneClass.Number; i++) end += length;
            return end;
        }
        var next = at + length;
        var nextKind = next < text.Length ? KindOf(RuneClasses.At(text, next, out length)) : RuneClass.Space;
        if (nextKind == RuneClass.Letter && rune is not ('\r' or '\n')) return Run(text, next + length, RuneClass.Letter);
        if (kind == RuneClass.None || (rune == ' ' && nextKind == RuneClass.None))
        {
            var end = Run(text, next, RuneClass.None);
            while (end < text.Length && text[end] is (byte)'\r' or (byte)'\n') end++;
            return end;
        }
        return EndOfSpaces(text, at, breaks: true, keepsTrail);
    }

    // A run of spaces: up to its last line break where that counts, else all but the last space before a word.
    private static int EndOfSpaces(ReadOnlySpan<byte> text, int at, bool breaks = false, bool keepsTrail = false)
    {
        var (end, before, afterBreak) = (at, at, -1); // before: where the last space begins
        while (end < text.Length)
        {
            var rune = RuneClasses.At(text, end, out var length);
            if (!RuneClasses.IsSpace(rune)) break;
            before = end;
            end += length;
            if (rune is '\r' or '\n') afterBreak = end;
        }
        if (breaks && afterBreak > 0 && !(keepsTrail && end == text.Length)) return afterBreak;
        return end < text.Length && before > at ? before : end;
    }

    private static int Run(ReadOnlySpan<byte> text, int at, RuneClass kind)
    {
        while (at < text.Length && KindOf(RuneClasses.At(text, at, out var length)) == kind) at += length;
        return at;
    }

    private static RuneClass KindOf(int rune) => RuneClasses.Of(rune) & (RuneClass.Letter | RuneClass.Number | RuneClass.Space);

    // The bytes of 's 't 're 've 'm 'll 'd at a place, 0 where there is none of them. U+017F is a letter s without case.
    private static int Contraction(ReadOnlySpan<byte> text, int at, bool ignoreCase)
    {
        if (text[at] != '\'' || at + 1 >= text.Length) return 0;
        var first = Letter(text, at + 1, ignoreCase);
        if (first is 's' or 't' or 'm' or 'd') return 2;
        if (ignoreCase && text[(at + 1)..].StartsWith("\u017F"u8)) return 3;
        var second = at + 2 < text.Length ? Letter(text, at + 2, ignoreCase) : 0;
        return (first, second) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 3 : 0;
    }

    private static int Letter(ReadOnlySpan<byte> text, int at, bool ignoreCase) =>
        ignoreCase && text[at] is >= (byte)'A' and <= (byte)'Z' ? text[at] | 0x20 : text[at];
}
