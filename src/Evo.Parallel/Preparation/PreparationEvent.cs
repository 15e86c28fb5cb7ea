namespace Evo.Parallel;

/// <summary>The steps that turn the text on a machine into token files, in order.</summary>
public enum PreparationStep
{
    /// <summary>Text → jsonl, split into training and held-out documents.</summary>
    Extract,

    /// <summary>Training text → a sentencepiece model.</summary>
    TrainTokenizer,

    /// <summary>jsonl → <c>.bin</c> and <c>.meta</c>.</summary>
    Tokenize,
}

/// <summary>Progress of the preparation of a data folder.</summary>
public abstract record PreparationEvent(PreparationStep Step)
{
    /// <summary>The step begins; <paramref name="What"/> says what it makes of what.</summary>
    public sealed record Started(PreparationStep Step, string What) : PreparationEvent(Step);

    /// <summary>A fraction 0..1 of the step is done.</summary>
    public sealed record Progress(PreparationStep Step, double Fraction) : PreparationEvent(Step);

    /// <summary>The step is done.</summary>
    public sealed record Finished(PreparationStep Step, string Result, double Seconds) : PreparationEvent(Step);

    /// <summary>What the step would make is there already, from the same inputs.</summary>
    public sealed record UpToDate(PreparationStep Step) : PreparationEvent(Step);
}
