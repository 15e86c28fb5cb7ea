namespace Evo.Data;

/// <summary>One token of a text.</summary>
/// <param name="Id">Its number in the vocabulary.</param>
/// <param name="Value">How the vocabulary writes it.</param>
/// <param name="Offset">
/// The UTF-16 characters of the text that it stands for. A token that is a part of a character covers that whole
/// character; one that stands for nothing in the text, as a put-in space or mark, is empty.
/// </param>
public readonly record struct EncodedToken(int Id, string Value, Range Offset);

/// <summary>A token and the bytes of a text in UTF-8 that it stands for, Start to End (exclusive).</summary>
public readonly record struct TokenSpan(int Id, int Start, int End);

/// <summary>What encoding does about marks; text is only text unless more is asked for.</summary>
[Flags]
public enum EncodeMode
{
    /// <summary>Marks written in the text, such as <c>&lt;|im_end|&gt;</c>, are text, and none is added.</summary>
    Text = 0,

    /// <summary>Marks written in the text become their tokens: for text that a chat template made, never for a user's.</summary>
    ParseSpecial = 1,

    /// <summary>The marks that the tokenizer's own files ask for are put around the text.</summary>
    AddSpecial = 2,
}
