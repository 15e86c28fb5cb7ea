using System.Text;

namespace Evo.Data;

/// <summary>Reads the normalizer and the pre-tokenizer of a tokenizer.json. What is not known is refused by its name.</summary>
internal static class StepReader
{
    /// <summary>A normalizer; null where the file has none.</summary>
    public static TextStep? Normalizer(JsonPlace? found)
    {
        if (found is not { } place) return null;
        var type = place["type"].Text;
        return type switch
        {
            "Sequence" => new StepSequence([.. place["normalizers"].Elements.Select(step => Normalizer(step)!)]),
            "NFC" => new NormalFormStep(NormalForm.C),
            "NFD" => new NormalFormStep(NormalForm.D),
            "NFKC" => new NormalFormStep(NormalForm.KC),
            "NFKD" => new NormalFormStep(NormalForm.KD),
            "Lowercase" => RuneStep.Lowercase,
            "StripAccents" => RuneStep.StripAccents,
            "Strip" => new StripStep(place.Flag("strip_left", true), place.Flag("strip_right", true)),
            "Prepend" => new PrependStep(Encoding.UTF8.GetBytes(place["prepend"].Text), unlessThere: false, onlyFirst: false),
            "Replace" => new ReplaceStep(Pattern(place["pattern"]), Encoding.UTF8.GetBytes(place["content"].Text)),
            _ => throw Unknown(place, type, "Sequence, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend and Replace"),
        };
    }

    /// <summary>
    /// A pre-tokenizer, and whether it ends in the byte-level alphabet, so that the model reads bytes; null where the
    /// file has none.
    /// </summary>
    public static TextStep? PreTokenizer(JsonPlace? found, out bool byteLevel)
    {
        byteLevel = false;
        if (found is not { } place) return null;
        var type = place["type"].Text;
        switch (type)
        {
            case "Sequence":
                var steps = new List<TextStep>();
                foreach (var part in place["pretokenizers"].Elements)
                {
                    if (byteLevel) throw part.Bad("a step after ByteLevel", "ByteLevel must be the last one: what follows would see its alphabet");
                    steps.Add(PreTokenizer(part, out byteLevel)!);
                }
                return new StepSequence(steps);
            case "ByteLevel":
                byteLevel = true;
                return ByteLevel(place);
            case "Split":
                return new SplitStep(Pattern(place["pattern"]), Behavior(place), place.Flag("invert"));
            case "Digits":
                return new SplitStep(new RunePattern(IsNumber, runs: !place.Flag("individual_digits")), SplitBehavior.Isolated);
            case "Whitespace": // \w+|[^\w\s]+ of Rust's engine
                return new SplitStep(new WordPattern(), SplitBehavior.Removed, invert: true);
            case "WhitespaceSplit":
                return new SplitStep(new RunePattern(RuneClasses.IsSpace, runs: false), SplitBehavior.Removed);
            case "Punctuation":
                return new SplitStep(new RunePattern(Punctuation.Is, runs: false), Behavior(place, SplitBehavior.Isolated));
            case "CharDelimiterSplit":
                return new SplitStep(new LiteralPattern(Encoding.UTF8.GetBytes(place["delimiter"].Text)), SplitBehavior.Removed);
            case "Metaspace":
                return Metaspace(place);
            default:
                throw Unknown(place, type, "Sequence, ByteLevel, Split, Digits, Whitespace, WhitespaceSplit, Punctuation, CharDelimiterSplit and Metaspace");
        }
    }

    /// <summary>When Metaspace puts its mark before a text: always, first or never.</summary>
    public static string PrependScheme(JsonPlace place)
    {
        if (place.Find("prepend_scheme") is not { } scheme) return place.Flag("add_prefix_space", true) ? "always" : "never";
        return scheme.Text is "always" or "first" or "never" ? scheme.Text : throw scheme.Bad($"\"{scheme.Text}\"", "it must be always, first or never");
    }

    /// <summary>A pattern: fixed text or a regular expression.</summary>
    public static SplitPattern Pattern(JsonPlace place)
    {
        if (place.IsText || place.Find("String") is not null)
        {
            var text = place.IsText ? place : place["String"];
            return text.Text.Length > 0 ? new LiteralPattern(Encoding.UTF8.GetBytes(text.Text)) : throw text.Bad("an empty text", "a pattern must take something");
        }
        var regex = place["Regex"];
        return KnownPattern.Of(regex.Text) ?? new RegexPattern($"{regex.File}: {regex.Path}", regex.Text);
    }

    private static StepSequence ByteLevel(JsonPlace place)
    {
        var steps = new List<TextStep>();
        if (place.Flag("add_prefix_space", true)) steps.Add(new PrependStep(" "u8.ToArray(), unlessThere: true, onlyFirst: false));
        if (place.Flag("use_regex", true)) steps.Add(new SplitStep(KnownPattern.Of(KnownPattern.Gpt2)!, SplitBehavior.Isolated));
        return new(steps);
    }

    private static StepSequence Metaspace(JsonPlace place)
    {
        var mark = Encoding.UTF8.GetBytes(place["replacement"].Text);
        if (mark.Length == 0) throw place["replacement"].Bad("an empty text", "it must be a character");
        var steps = new List<TextStep> { new ReplaceStep(new LiteralPattern(" "u8.ToArray()), mark) };
        var scheme = PrependScheme(place);
        if (scheme != "never") steps.Add(new PrependStep(mark, unlessThere: true, onlyFirst: scheme == "first"));
        if (place.Flag("split", true)) steps.Add(new SplitStep(new LiteralPattern(mark), SplitBehavior.MergedWithNext));
        return new(steps);
    }

    private static SplitBehavior Behavior(JsonPlace place, SplitBehavior? otherwise = null)
    {
        if (otherwise is { } value && place.Find("behavior") is null) return value;
        var name = place["behavior"];
        return Enum.TryParse<SplitBehavior>(name.Text, out var found) && found.ToString() == name.Text
            ? found : throw name.Bad($"\"{name.Text}\"", $"known are {string.Join(", ", Enum.GetNames<SplitBehavior>())}");
    }

    private static bool IsNumber(int rune) => (RuneClasses.Of(rune) & RuneClass.Number) != 0;

    internal static DataException Unknown(JsonPlace place, string type, string known) =>
        place["type"].Bad($"the component \"{type}\"", $"known here are {known}", "use a tokenizer made of these, or its sentencepiece or tiktoken file");

    /// <summary>Runs of word characters and runs of what is neither word nor space.</summary>
    private sealed class WordPattern : SplitPattern
    {
        public override bool Next(ReadOnlySpan<byte> text, int from, out int start, out int end)
        {
            for (start = end = from; start < text.Length; start = end)
            {
                var kind = Kind(RuneClasses.At(text, start, out var length));
                for (end = start + length; end < text.Length && Kind(RuneClasses.At(text, end, out length)) == kind; end += length) ;
                if (kind != ' ') return true;
            }
            return false;
        }

        private static char Kind(int rune) => RuneClasses.IsRustWord(rune) ? 'w' : RuneClasses.IsSpace(rune) ? ' ' : 'o';
    }
}
