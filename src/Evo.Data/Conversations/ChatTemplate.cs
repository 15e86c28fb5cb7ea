namespace Evo.Data;

/// <summary>
/// How the turns of a conversation become tokens. Turns are encoded part by part; ids that are context and not learned are negative,
/// as InternEvo's token files have them.
/// </summary>
public abstract class ChatTemplate
{
    /// <summary>The names that <see cref="For"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["internlm", "chatml"];

    /// <summary>A template by its name, with the marks of a tokenizer; throws <see cref="DataException"/> where that lacks them.</summary>
    public static ChatTemplate For(string name, Tokenizer tokenizer) => name switch
    {
        "internlm" => new InternLmTemplate(tokenizer),
        "chatml" => new ChatMlTemplate(tokenizer),
        _ => throw new DataException("the template", $"'{name}'", $"known are {string.Join(", ", Names)}"),
    };

    /// <summary>Whether the end token behind a conversation is learned.</summary>
    public abstract bool LearnsEnd { get; }

    /// <summary>The ids of a conversation, without a begin or end token.</summary>
    public List<int> Encode(IReadOnlyList<Turn> turns)
    {
        var ids = new List<int>();
        foreach (var turn in turns) Add(turn, ids);
        return ids;
    }

    private protected abstract void Add(Turn turn, List<int> ids);

    private protected static void Context(List<int> ids, IEnumerable<int> more) => ids.AddRange(more.Select(id => -id));
}

/// <summary>
/// InternLM's first template, as InternEvo's Alpaca tool has it: <c>&lt;|User|>:…&lt;eoh>\n&lt;|Bot|>:…&lt;eoa>\n</c>, of which
/// the answer is learned with its mark and line end. The tool itself has the ids of other tokens for the marks and the line end.
/// </summary>
internal sealed class InternLmTemplate(Tokenizer tokenizer) : ChatTemplate
{
    private readonly MarkedTokens tokens = new(tokenizer, "internlm", ["<eoh>"], ["<eoa>"]);
    private readonly IReadOnlyList<int> line = tokenizer.EncodeToIds("\n"), bot = tokenizer.EncodeToIds("<|Bot|>:");

    public override bool LearnsEnd => true;

    private protected override void Add(Turn turn, List<int> ids)
    {
        switch (turn.Speaker)
        {
            case Speaker.System:
                Context(ids, [.. tokens.Encode("<|System|>:" + turn.Text), .. line]);
                break;
            case Speaker.Assistant:
                Context(ids, bot);
                ids.AddRange([.. tokens.Encode(turn.Text), tokens["<eoa>"], .. line]);
                break;
            default:
                Context(ids, [.. tokens.Encode("<|User|>:" + turn.Text), tokens["<eoh>"], .. line]);
                break;
        }
    }
}

/// <summary>
/// ChatML, which InternLM2, InternLM3 and Qwen speak: <c>&lt;|im_start|>role\n…&lt;|im_end|>\n</c>, of which the answer is learned with its
/// mark. A bare InternLM2 <c>.model</c> has the marks under the names of unused pieces.
/// </summary>
internal sealed class ChatMlTemplate(Tokenizer tokenizer) : ChatTemplate
{
    private readonly MarkedTokens tokens = new(tokenizer, "chatml", ["<|im_start|>", "[UNUSED_TOKEN_146]"], ["<|im_end|>", "[UNUSED_TOKEN_145]"]);
    private readonly IReadOnlyList<int> line = tokenizer.EncodeToIds("\n");

    public override bool LearnsEnd => false;

    private protected override void Add(Turn turn, List<int> ids)
    {
        Context(ids, [tokens["<|im_start|>"], .. tokens.Encode(turn.Speaker.ToString().ToLowerInvariant() + "\n")]);
        IReadOnlyList<int> said = [.. tokens.Encode(turn.Text), tokens["<|im_end|>"]];
        if (turn.Speaker == Speaker.Assistant) ids.AddRange(said);
        else Context(ids, said);
        Context(ids, line);
    }
}
