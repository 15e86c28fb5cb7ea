// Writes indented source text with the same line ends on every platform.
using System.Text;

namespace Evo.Generators;

internal sealed class SourceWriter
{
    private readonly StringBuilder text = new();
    private int depth;

    /// <summary>One line at the current depth; an empty line has no spaces.</summary>
    public void Line(string line = "")
    {
        if (line.Length > 0)
        {
            text.Append(' ', depth * 4).Append(line);
        }

        text.Append('\n');
    }

    /// <summary>Opens a brace and indents.</summary>
    public void Open(string? head = null)
    {
        if (head is not null)
        {
            Line(head);
        }

        Line("{");
        depth++;
    }

    /// <summary>Closes the brace.</summary>
    public void Close(string tail = "}")
    {
        depth--;
        Line(tail);
    }

    public override string ToString() => text.ToString();
}
