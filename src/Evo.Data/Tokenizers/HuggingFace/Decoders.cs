using System.Text;

namespace Evo.Data;

/// <summary>One step from the tokens of a vocabulary back to text.</summary>
internal abstract class TokenDecoder
{
    public abstract List<byte[]> Apply(List<byte[]> tokens);

    /// <summary>Reads the decoder of a tokenizer.json; without one tokens are joined by spaces.</summary>
    public static TokenDecoder Read(JsonPlace? found)
    {
        if (found is not { } place) return new FuseDecoder(" "u8.ToArray());
        var type = place["type"].Text;
        return type switch
        {
            "Sequence" => new DecoderSequence([.. place["decoders"].Elements.Select(step => Read(step))]),
            "ByteLevel" => new ByteLevelDecoder(),
            "ByteFallback" => new ByteFallbackDecoder(),
            "Fuse" => new FuseDecoder([]),
            "Strip" => new StripDecoder(One(place["content"]), place.Count("start"), place.Count("stop")),
            "Replace" => new ReplaceDecoder(StepReader.Pattern(place["pattern"]), Encoding.UTF8.GetBytes(place["content"].Text)),
            "Metaspace" => new MetaspaceDecoder(One(place["replacement"]), StepReader.PrependScheme(place) != "never"),
            _ => throw StepReader.Unknown(place, type, "Sequence, ByteLevel, ByteFallback, Fuse, Strip, Replace and Metaspace"),
        };
    }

    private static byte[] One(JsonPlace place) =>
        place.Text.EnumerateRunes().Count() == 1 ? Encoding.UTF8.GetBytes(place.Text) : throw place.Bad($"\"{place.Text}\"", "it must be one character");
}

internal sealed class DecoderSequence(IReadOnlyList<TokenDecoder> steps) : TokenDecoder
{
    public override List<byte[]> Apply(List<byte[]> tokens) => steps.Aggregate(tokens, (made, step) => step.Apply(made));
}

/// <summary>All tokens as one.</summary>
internal sealed class FuseDecoder(byte[] between) : TokenDecoder
{
    public override List<byte[]> Apply(List<byte[]> tokens)
    {
        var all = new List<byte>();
        for (var i = 0; i < tokens.Count; i++)
        {
            if (i > 0) all.AddRange(between);
            all.AddRange(tokens[i]);
        }
        return [[.. all]];
    }
}

/// <summary>The bytes that the characters of the byte-level alphabet stand for; a token with others stays as it is.</summary>
internal sealed class ByteLevelDecoder : TokenDecoder
{
    public override List<byte[]> Apply(List<byte[]> tokens) =>
        [[.. tokens.SelectMany(token => ByteAlphabet.Bytes(Encoding.UTF8.GetString(token)) ?? token)]];
}

/// <summary>Characters of tokens that are bytes; each byte that is no UTF-8 becomes U+FFFD.</summary>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    public override List<byte[]> Apply(List<byte[]> tokens)
    {
        var made = new List<byte[]>(tokens.Count);
        var bytes = new List<byte>();
        foreach (var token in tokens)
        {
            if (token is [(byte)'<', (byte)'0', (byte)'x', var high, var low, (byte)'>'] && char.IsAsciiHexDigit((char)high) && char.IsAsciiHexDigit((char)low))
            {
                bytes.Add(Convert.ToByte($"{(char)high}{(char)low}", 16));
                continue;
            }
            Flush();
            made.Add(token);
        }
        Flush();
        return made;

        void Flush()
        {
            if (bytes.Count == 0) return;
            byte[] run = [.. bytes];
            if (System.Text.Unicode.Utf8.IsValid(run)) made.Add(run);
            else made.AddRange(Enumerable.Repeat("\uFFFD"u8.ToArray(), run.Length));
            bytes.Clear();
        }
    }
}

/// <summary>Up to so many of a character taken from the beginning and from the end of each token.</summary>
internal sealed class StripDecoder(byte[] content, int start, int stop) : TokenDecoder
{
    public override List<byte[]> Apply(List<byte[]> tokens) => tokens.ConvertAll(token =>
    {
        var (from, to) = (0, token.Length);
        for (var i = 0; i < start && token.AsSpan(from, to - from).StartsWith(content); i++) from += content.Length;
        for (var i = 0; i < stop && token.AsSpan(from, to - from).EndsWith(content); i++) to -= content.Length;
        return token[from..to];
    });
}

internal sealed class ReplaceDecoder(SplitPattern pattern, byte[] content) : TokenDecoder
{
    private readonly ReplaceStep step = new(pattern, content);

    public override List<byte[]> Apply(List<byte[]> tokens) => tokens.ConvertAll(token =>
    {
        var text = new AlignedText(token, 0, aligned: false);
        step.Apply(text);
        return text.Bytes.ToArray();
    });
}

/// <summary>Spaces for the mark of a space; at the very beginning nothing, where one was put there.</summary>
internal sealed class MetaspaceDecoder(byte[] mark, bool prepended) : TokenDecoder
{
    private readonly ReplaceDecoder spaces = new(new LiteralPattern(mark), " "u8.ToArray()), nothing = new(new LiteralPattern(mark), []);

    public override List<byte[]> Apply(List<byte[]> tokens) => tokens.Count == 0 || !prepended
        ? spaces.Apply(tokens) : [.. nothing.Apply([tokens[0]]), .. spaces.Apply(tokens[1..])];
}
