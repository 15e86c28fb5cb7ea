using System.Text;

namespace Evo.Data;

/// <summary>The names that a part of a template sees, and what the whole rendering has made and spent.</summary>
internal sealed class TemplateScope
{
    private const int MostSteps = 10_000_000;
    private readonly TemplateScope? outer;
    private readonly Dictionary<string, object?> names = [];
    private readonly Rendering rendering;

    private sealed class Rendering
    {
        public int Steps;
        public StringBuilder Output = new();
        public readonly List<(int Start, int End)> Generated = [];
    }

    public TemplateScope(IEnumerable<KeyValuePair<string, object?>> given)
    {
        rendering = new();
        foreach (var (name, value) in given) names[name] = value;
    }

    private TemplateScope(TemplateScope outer) => (this.outer, rendering) = (outer, outer.rendering);

    /// <summary>A scope inside this one: what it sets is not seen outside.</summary>
    public TemplateScope Inner() => new(this);

    public object? this[string name]
    {
        get
        {
            for (var scope = this; scope is not null; scope = scope.outer)
                if (scope.names.TryGetValue(name, out var value)) return value;
            return new TemplateUndefined(name);
        }
        set => names[name] = value;
    }

    public StringBuilder Output => rendering.Output;

    /// <summary>The parts of the output that the template marks as the model's own.</summary>
    public List<(int Start, int End)> Generated => rendering.Generated;

    public void Write(string text)
    {
        if (rendering.Output.Length + (long)text.Length > 1 << 26) throw new TemplateFault("a conversation of more than 64 MiB");
        rendering.Output.Append(text);
    }

    /// <summary>Counts a step, and more for a large value that it made; a template that needs too many does not end.</summary>
    public void Step(object? made)
    {
        rendering.Steps += 1 + made switch { string text => text.Length / 1024, List<object?> list => list.Count / 64, _ => 0 };
        if (rendering.Steps > MostSteps) throw new TemplateFault($"more than {MostSteps} steps");
    }

    /// <summary>What a body writes, as text of its own.</summary>
    public string Captured(Action body)
    {
        var kept = rendering.Output;
        rendering.Output = new();
        try
        {
            body();
            return rendering.Output.ToString();
        }
        finally
        {
            rendering.Output = kept;
        }
    }
}
