namespace Evo.Data;

/// <summary>One step of a compiled split pattern.</summary>
internal abstract record RegexStep
{
    /// <summary>One character of a set, or several: as many as there are, never given back when possessive.</summary>
    public sealed record Take(RuneSet Set, int Least, int Most, bool Possessive) : RegexStep;

    /// <summary>Goes on at the first of two places, and at the second when that fails.</summary>
    public sealed record Fork(int First, int Second) : RegexStep;

    public sealed record Jump(int To) : RegexStep;

    /// <summary>Goes on only if a pattern matches here, or does not; takes nothing.</summary>
    public sealed record Look(RegexStep[] Ahead, bool Wanted) : RegexStep;

    /// <summary>What a pattern takes here first, and nothing else of it is tried.</summary>
    public sealed record Atomic(RegexStep[] Inner) : RegexStep;

    /// <summary>The end of the text.</summary>
    public sealed record End : RegexStep;

    public sealed record Matched : RegexStep;
}

/// <summary>
/// A regular expression over characters, for split patterns that have no scanner: backtracking, as the engines do that
/// these patterns were written for, so that of several matches it finds the same one.
/// </summary>
internal sealed class RegexPattern : SplitPattern
{
    // Steps that a search may take for each byte and at least; patterns that need more go through all ways to match.
    private const long StepsPerByte = 64, LeastSteps = 1_000_000;

    private readonly string where, pattern;
    private readonly RegexStep[] program;

    /// <summary>Compiles a pattern; the place is for messages. Throws <see cref="DataException"/> at what it does not know.</summary>
    public RegexPattern(string where, string pattern)
    {
        (this.where, this.pattern) = (where, pattern);
        program = new RegexCompiler(where, pattern).Compile();
    }

    public override bool Next(ReadOnlySpan<byte> text, int from, out int start, out int end)
    {
        var budget = LeastSteps + StepsPerByte * (text.Length - from);
        var trail = new Stack<(int Step, int At, int Least)>();
        for (start = from; start < text.Length;)
        {
            end = Run(program, text, start, trail, ref budget);
            if (end > start) return true;
            RuneClasses.At(text, start, out var length);
            start += length;
        }
        end = start;
        return false;
    }

    // Where a match that begins at a place ends, -1 without one. The trail holds what else may be tried: a step and a
    // place, and for what was taken of a set how far back it may go.
    private int Run(RegexStep[] steps, ReadOnlySpan<byte> text, int from, Stack<(int Step, int At, int Least)> trail, ref long budget)
    {
        var floor = trail.Count;
        var (step, at) = (0, from);
        while (true)
        {
            if (--budget < 0)
                throw new DataException(where, $"the pattern '{pattern}' takes too long on a text of {text.Length} bytes", "it must not try endless ways to match");
            var ok = true;
            switch (steps[step])
            {
                case RegexStep.Matched:
                    while (trail.Count > floor) trail.Pop();
                    return at;
                case RegexStep.Take take:
                    ok = Consume(take, text, ref at, out var least, ref budget);
                    if (ok && !take.Possessive && at > least) trail.Push((step + 1, at, least));
                    step++;
                    break;
                case RegexStep.Fork fork:
                    trail.Push((fork.Second, at, at));
                    step = fork.First;
                    break;
                case RegexStep.Jump jump:
                    step = jump.To;
                    break;
                case RegexStep.Look look:
                    ok = Run(look.Ahead, text, at, trail, ref budget) >= 0 == look.Wanted;
                    step++;
                    break;
                case RegexStep.Atomic atomic:
                    var end = Run(atomic.Inner, text, at, trail, ref budget);
                    ok = end >= 0;
                    at = Math.Max(at, end);
                    step++;
                    break;
                case RegexStep.End:
                    ok = at == text.Length;
                    step++;
                    break;
            }
            if (ok) continue;
            if (trail.Count == floor) return -1;
            (step, at, var back) = trail.Pop();
            if (at == back) continue;
            at = RuneClasses.Before(text, at);
            if (at > back) trail.Push((step, at, back));
        }
    }

    private static bool Consume(RegexStep.Take take, ReadOnlySpan<byte> text, ref int at, out int least, ref long budget)
    {
        least = at;
        for (var count = 0; count < take.Most; count++)
        {
            if (count == take.Least) least = at;
            if (at == text.Length || !take.Set.Contains(RuneClasses.At(text, at, out var length)))
                return count >= take.Least;
            at += length;
            budget--;
        }
        if (take.Most == take.Least) least = at;
        return true;
    }
}
