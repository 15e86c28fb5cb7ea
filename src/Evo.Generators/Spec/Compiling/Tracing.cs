// Follows dims backwards: which output of which linear map becomes the heads of an attention.
using System.Collections.Generic;
using System.Linq;

namespace Evo.Generators.Spec.Compiling;

/// <summary>Where each linear map is cut, read off the data flow.</summary>
internal sealed class Tracing
{
    private readonly Dictionary<int, (string Part, int Output)?[]> origins = new();
    private readonly Dictionary<string, PartSpec> parts;
    private readonly Shapes shapes;

    public Tracing(BlockSpec block, Shapes shapes)
    {
        parts = block.Parts.ToDictionary(p => p.Method);
        this.shapes = shapes;
        Steps(block.Forward);
    }

    /// <summary>The output of a part that is cut: the one that attention takes as heads, else the first.</summary>
    public Dictionary<string, int> Cut { get; } = new();

    /// <summary>Parts whose outputs are keys and values but no queries: held whole where there are fewer heads than ranks.</summary>
    public HashSet<string> KeysOrValues { get; } = new();

    private HashSet<string> Queries { get; } = new();

    private void Steps(IEnumerable<StepSpec> steps)
    {
        foreach (var step in steps)
        {
            if (step.Kind == StepKind.Choice)
            {
                Steps(step.Then);
                Steps(step.Else);
                for (var k = 0; k < step.Outputs.Count; k++)
                {
                    origins[step.Outputs[k]] = Of(step.Inputs[2 * k]);
                }
            }
            else if (shapes.Knows(step.Output))
            {
                origins[step.Output] = Step(step);
            }
        }
    }

    private (string, int)?[] Of(int value) => origins.TryGetValue(value, out var found) ? found : new (string, int)?[shapes[value].Length];

    private (string, int)?[] Step(StepSpec step)
    {
        var x = step.Inputs.Count > 0 ? Of(step.Inputs[0]) : new (string, int)?[shapes[step.Output].Length];
        switch (step.Kind)
        {
            case StepKind.Part when parts[step.Name].Kind == PartKind.Column:
                return x.Take(2).Concat(parts[step.Name].Sizes.Skip(1).Select((_, k) => ((string, int)?)(step.Name, k))).ToArray();
            case StepKind.Part when parts[step.Name].Kind == PartKind.Attention:
                for (var k = 0; k < 3; k++)
                {
                    if (Of(step.Inputs[k]) is { Length: 4 } heads && heads[2] is var (part, output))
                    {
                        Cut[part] = output;
                        (k == 0 ? Queries : KeysOrValues).Add(part);
                    }
                }

                KeysOrValues.ExceptWith(Queries);
                return x;
            case StepKind.Part when parts[step.Name].Kind is PartKind.RmsNorm or PartKind.LayerNorm or PartKind.Rope or PartKind.Dropout:
                return x;
            case StepKind.TensorMethod:
                return View(step, x);
            case StepKind.Operator or StepKind.Function when x.Length == shapes[step.Output].Length:
                return x;
            default:
                return new (string, int)?[shapes[step.Output].Length];
        }
    }

    private static (string, int)?[] View(StepSpec step, (string, int)?[] x)
    {
        if (Views.Arguments(step, x.Length) is not var (dims, sizes))
        {
            return x;
        }

        var moved = x.ToList();
        switch (step.Name)
        {
            case "select" or "squeeze":
                moved.RemoveAt(dims[0]);
                return moved.ToArray();
            case "flatten":
                moved.RemoveRange(dims[0] + 1, dims[1] - dims[0]);
                return moved.ToArray();
            case "unflatten":
                moved.InsertRange(dims[0] + 1, new (string, int)?[System.Math.Max(0, sizes.Length - 1)]);
                return moved.ToArray();
            case "transpose":
                (moved[dims[0]], moved[dims[1]]) = (moved[dims[1]], moved[dims[0]]);
                return moved.ToArray();
            case "unsqueeze":
                moved.Insert(dims[0], null);
                return moved.ToArray();
            case "permute":
                return dims.Select(d => x[d]).ToArray();
            case "view" or "reshape":
                return new (string, int)?[sizes.Length];
            default:
                return x;
        }
    }
}
