// A model compiled for every mode, its collectives numbered through: first the model's own, then its head's, then each layer's.
using System.Collections.Generic;
using System.Linq;
using Evo.Generators.Spec.Algebra;

namespace Evo.Generators.Spec.Compiling;

internal sealed class Programs
{
    private readonly Dictionary<(string Block, Mode Mode), ModeProgram> programs = new();
    private readonly Dictionary<Mode, HeadProgram> heads = new();

    private Programs()
    {
    }

    public static IReadOnlyList<Mode> Modes { get; } = new[] { Mode.Serial, Mode.Mtp, Mode.Msp, Mode.Fsp, Mode.Isp };

    public ModeProgram Of(BlockSpec block, Mode mode) => programs[(block.FullName, mode)];

    public HeadProgram Head(Mode mode) => heads[mode];

    /// <summary>Compiles all.</summary>
    public static Programs Of(ModelSpec spec, AlgebraTable algebra)
    {
        var made = new Programs();
        foreach (var mode in Modes)
        {
            var site = 1;
            var body = ModeCompiler.Compile(spec.Body, mode, algebra, site);
            site += body.Sites.Count;
            made.programs[(spec.Body.FullName, mode)] = body;
            var head = HeadCompiler.Compile(spec.Body.Parts.First(p => p.Kind == PartKind.Head), mode, algebra, site);
            site += head.Sites.Count;
            made.heads[mode] = head;
            foreach (var layer in spec.Layers)
            {
                var program = ModeCompiler.Compile(layer, mode, algebra, site);
                site += program.Sites.Count;
                made.programs[(layer.FullName, mode)] = program;
            }
        }

        return made;
    }

    /// <summary>Findings of a block whose flow is whole that any mode has, each once.</summary>
    public static IReadOnlyList<Finding> Check(BlockSpec block, AlgebraTable algebra)
    {
        var shapes = Shapes.OfBlock(block);
        if (shapes.Findings.Count > 0)
        {
            // One value is wrong in one way; what follows from it is not told.
            return shapes.Findings.GroupBy(f => (f.Id, f.Value)).Select(g => g.First()).ToList();
        }

        return Modes.SelectMany(mode => ModeCompiler.Compile(block, mode, algebra, 1).Findings)
            .GroupBy(f => (f.Id, f.Value)).Select(g => g.First()).ToList();
    }
}
