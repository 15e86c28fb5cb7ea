namespace Evo.Parallel;

/// <summary>
/// Turns tokens that arrive one by one into pieces of text that can be written at once. A token may hold a part of a
/// character (byte pieces) and may decode differently after another one (leading spaces), so a piece is released when the
/// decoded text of the last tokens grows and does not end in the middle of a character. The pieces joined are the decoded
/// text of all tokens.
/// </summary>
/// <param name="decode">Text of a sequence of tokens; an incomplete character at its end decodes to U+FFFD.</param>
public sealed class TextStream(Func<IReadOnlyList<int>, string> decode)
{
    // Tokens before `start` are out of the window; those in [start, released) are context whose text is out already.
    private readonly List<int> window = [];
    private int released;

    /// <summary>Takes the tokens that stand before the first streamed one, so that it decodes as their continuation.</summary>
    public void Prime(IEnumerable<int> tokens)
    {
        window.AddRange(tokens);
        released = window.Count;
    }

    /// <summary>Takes a token; returns the text that is now certain, empty while a character is incomplete.</summary>
    public string Add(int token)
    {
        window.Add(token);
        return Release(final: false);
    }

    /// <summary>The text still held back when no more tokens come (an incomplete character as U+FFFD).</summary>
    public string Finish() => Release(final: true);

    private string Release(bool final)
    {
        if (released == window.Count)
        {
            return "";
        }

        var before = decode(window[..released]);
        var after = decode(window);
        if (!final && after.EndsWith('\uFFFD'))
        {
            return "";
        }

        // Equal texts: a control token, or a space that only counts once a word follows.
        if (!final && after == before)
        {
            return "";
        }

        // Where the context itself ended inside a character, its last sign is replaced: the common part is what was written.
        var common = before.AsSpan().CommonPrefixLength(after);
        var piece = after[common..];

        // The tokens of this piece stay as the context of the next one; all older ones leave the window.
        window.RemoveRange(0, released);
        released = window.Count;
        return piece;
    }
}
