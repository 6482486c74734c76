"""Write the index of names that one installed Manim release has.

    python introspect.py [OUT.json]

Run it with the interpreter of an environment that has the pinned release
(`pip install 'manim==0.22.*' 'pillow<13'`).  The result is sorted and holds one
name per line, so that a new release shows up as a readable diff.  Nothing in it
depends on the machine, the time or the order of imports.

What the file holds:

manim         the release that was read
names         every name that `from manim import *` binds: its kind and, for
              classes, the direct bases that belong to manim
internal      classes that are not exported but are a base of one that is
modules       for each module of the package, the public names that are
              reachable through it: `rate_functions.ease_in_sine`,
              `from manim.utils.space_ops import cross`
methods       for each class, the public methods, properties and instance
              attributes that it brings itself; walk `bases` for the inherited
gl_only       names of ManimGL, or of Manim before the two went apart, that the
              release does not have, with a weight from 1 to 3
gl_attributes the same for attributes and methods; a leading `self.` means that
              it counts only on a scene
gl_keywords   the same for keyword arguments
gl_modules    the same for modules that are imported
gl_class_attributes   the same for names assigned in the body of a class

Weights: 3 says ManimGL by itself; 2 needs one companion; 1 occurs in early
ManimCE too (the releases of 2020 and 2021) and proves little alone.  A name
counts only where the code takes it from the library: one that the code itself
defines (`class Car(VGroup)`) says nothing.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import sys
import textwrap
from pathlib import Path

import manim
from manim import Animation, Camera, Mobject, Scene
from manim.mobject.opengl.opengl_mobject import OpenGLMobject
from manim.utils import rate_functions
from manim.utils.color import ManimColor

# Not for scenes, or in need of a window or of packages that manim does not bring.
NO_API = (
    "manim.__main__",
    "manim._config",
    "manim.cli",
    "manim.renderer.opengl_renderer_window",
    "manim.templates",
    "manim.utils.docbuild",
    "manim.utils.testing",
)

# Written by hand: no release of ManimCE can tell what another library has.
GL_ONLY = {
    3: """
        AnimationOnSurroundingRectangle AnimatedStreamLines BitcoinLogo CameraFrame Checkbox
        ColorSliders ControlMobject ControlPanel ControlsScene EnableDisableButton
        Eyes FillArrow FlashAround FlashUnder GlowDot GlowDots InteractiveScene
        InteractiveSceneEmbed LinearNumberSlider LineBrace MotionMobject Mortimer
        OldTex OldTexText OpeningQuote PatreonEndScreen PatreonThanks Piano Piano3D
        PiCreature PiCreatureScene Randolph SGroup SingleStringTex Square3D Disk3D
        StringMobject StrokeArrow SurfaceMesh TeacherStudentsScene TexText TexturedSurface
        TexTextFromPresetString Textbox TimeVaryingVectorField
        TracingTail TransformMatchingParts TransformMatchingStrings
        VCube VGroup3D VHighlight VPrism VShowPassingFlash VectorizedEarth
        CreatePiCreature RemovePiCreature PiCreatureSays PiCreatureBubbleIntroduction Mathematician
        BabyPiCreature TauCreature ThreeDMobject ThreeDModel DieFace Dartboard
        COLORMAP_3B1B GREEN_SCREEN DEG FRAME_SHAPE
        DEFAULT_MOBJECT_TO_EDGE_BUFF DEFAULT_MOBJECT_TO_MOBJECT_BUFF
        interpolate_color_by_hsl get_colormap_list get_colormap_from_colors
        manim_config set_array_by_interpolation
    """,
    2: """
        CountInFrom Checkmark Exmark ClockPassesTime FadeInFromPoint FadeOutToPoint
        ParametricCurve Polyline SingleStringTexMobject Speedometer Lightbulb
        VideoIcon VideoSeries Bubble SpeechBubble ThoughtBubble
        DoubleSpeechBubble Headphones Laptop Logo PartyHat Clock Car
        VFadeIn VFadeInThenOut VFadeOut TexMobjectFromPresetString
        ReconfigurableScene AnimatedContinuousMovement
        ContinualAnimation ContinualUpdate ContinualUpdateFromFunc
        ContinualRotation ContinualMovement AmbientMovement AmbientRotation
        NormalAnimationAsContinualAnimation DelayByOrder LaggedStartByOrder

        digest_config digest_locals get_norm RADIANS ASPECT_RATIO FRAME_HEIGHT FRAME_WIDTH
        FRAME_X_RADIUS FRAME_Y_RADIUS LEFT_SIDE RIGHT_SIDE
        DEFAULT_PIXEL_WIDTH DEFAULT_PIXEL_HEIGHT PRODUCTION_QUALITY_CAMERA_CONFIG
        SPACE_WIDTH SPACE_HEIGHT MANIM_COLORS COLOR_MAP

    """,
    1: """
        ApplyToCenters CircleIndicate DashedMobject
        FadeInFrom FadeInFromDown FadeInFromLarge
        FadeInThenOut FadeOutAndShift FadeOutAndShiftDown GraphScene
        MoveCar NumberLineScene ParametricSurface
        SampleSpaceScene ShowCreation ShowCreationThenDestruction
        ShowCreationThenDestructionAround ShowCreationThenFadeAround
        ShowCreationThenFadeOut ShowPassingFlashAround
        SmallDot TexMobject TextMobject TurnInsideOut
        WiggleOutThenIn
        TOP BOTTOM PALETTE BLUE_SCREEN CYAN MAGENTA BROWN
        TEX_USE_CTEX TEX_TEXT_TO_REPLACE MEDIA_DIR
        clip_in_place color_to_int get_smooth_handle_points

    """,
}

GL_ATTRIBUTES = {
    3: """
        self.frame self.checkpoint_paste self.i2g self.student_says self.teacher_says
        self.play_student_changes self.change_student_modes self.change_all_student_modes
        self.pi_creature_says self.teacher_thinks self.student_thinks self.get_students
        self.play_all_student_changes self.set_floor_plane
        self.default_frame_orientation self.drag_to_pan
        add_ambient_rotation always_sort_to_camera apply_depth_test
        deactivate_depth_test note_changed_data reorient
        set_backstroke set_clip_plane set_field_of_view set_flat_stroke
        set_joint_type set_scale_stroke_with_zoom set_shading set_anim_args
        fix_in_frame unfix_from_frame f_always set_glow_factor
    """,
    2: """
        self.update_continually
        self.setup_graph self.show_frame self.student self.students self.teacher
        set_gloss set_shadow set_reflectiveness set_euler_angles
        increment_gamma increment_phi increment_theta get_grid
        get_euler_angles set_orientation
        replicate
    """,
    1: """
        self.setup_axes self.get_graph self.get_graph_label self.get_riemann_rectangles
        self.get_vertical_line_to_graph self.coords_to_point
        self.get_derivative_graph
        get_graph rotate_in_place scale_in_place set_width
        set_height get_width get_height highlight
        stretch_in_place
    """,
}

GL_KEYWORDS = {
    3: "flat_stroke stroke_behind glow_factor anti_alias_width",
    2: "isolate frame_config depth_test gloss shadow reflectiveness samples_per_line",
    1: """x_min x_max y_min y_max x_axis_label y_axis_label graph_origin function_color
        number_line_config initial_offset submobject_mode""",
}

GL_MODULES = {
    3: """manimlib manimlib.imports manim_imports_ext big_ol_pile_of_manim_imports
        manimgl manimlib.scene.interactive_scene once_useful_constructs""",
    2: "mobject.tex_mobject topics.geometry",
    1: "constants",
}

GL_CLASS_ATTRIBUTES = {
    3: "CONFIG",
    2: "default_frame_orientation drag_to_pan random_seed",
}


def weights(table: dict[int, str], taken: set[str]) -> dict[str, int]:
    """Flatten a hand table; a name that the release has does not belong in it."""
    pairs = [(word, weight) for weight, words in table.items() for word in words.split()]
    out = dict(pairs)
    if len(out) != len(pairs):
        seen: set[str] = set()
        raise SystemExit(f"listed twice: {[w for w, _ in pairs if w in seen or seen.add(w)]}")
    if taken & set(out):
        raise SystemExit(f"this release has: {sorted(taken & set(out))}")
    return out


def is_own(obj: object) -> bool:
    return (getattr(obj, "__module__", "") or "").split(".")[0] == "manim"


def bases(cls: type) -> list[str]:
    return [base.__name__ for base in cls.__bases__ if is_own(base)]


def is_mobject(cls: type) -> bool:
    return issubclass(cls, (Mobject, OpenGLMobject))


def kind(name: str, obj: object) -> str:
    if inspect.isclass(obj):
        for answer, family in (
            ("animation", Animation),
            ("scene", Scene),
            ("camera", Camera),
        ):
            if issubclass(obj, family):
                return answer
        return "mobject" if is_mobject(obj) else "class"
    if inspect.ismodule(obj):
        return "module"
    if isinstance(obj, ManimColor):
        return "color"
    if callable(obj) and hasattr(obj, "__name__"):
        if obj is getattr(rate_functions, name, None):
            return "rate_function"
        return "function"
    return "constant"


def entry(name: str, obj: object) -> dict:
    out: dict = {"kind": kind(name, obj)}
    if inspect.ismodule(obj):
        out["module"] = obj.__name__
    if inspect.isclass(obj) and is_own(obj):
        out["bases"] = bases(obj)
    return out


def instance_attributes(cls: type) -> set[str]:
    """Names that the class's own methods assign on `self`."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        ):
            found.add(node.attr)
    return found


def own_members(cls: type) -> list[str]:
    found = set(vars(cls)) | set(vars(cls).get("__annotations__", {}))
    found |= instance_attributes(cls)
    return sorted(name for name in found if not name.startswith("_"))


def star_names() -> dict[str, object]:
    names: dict[str, object] = {}
    exec("from manim import *", names)
    del names["__builtins__"]
    names.pop("annotations", None)
    return names


def module_table() -> dict[str, list[str]]:
    """Public names of each module, leaving out those of other packages."""
    table: dict[str, list[str]] = {}
    for info in pkgutil.walk_packages(manim.__path__, "manim."):
        if info.name.startswith(NO_API):
            continue
        module = importlib.import_module(info.name)
        public = set(getattr(module, "__all__", ()))
        for name, obj in vars(module).items():
            if name.startswith("_") or inspect.ismodule(obj):
                continue
            if type(obj).__module__ == "__future__":
                continue
            if callable(obj) and hasattr(obj, "__name__"):
                # defined here, or in a part of this package
                keep = (obj.__module__ or "").startswith(info.name)
            else:
                keep = name.isupper() and name != "TYPE_CHECKING"
            if keep:
                public.add(name)
        if public:
            table[info.name] = sorted(public)
    return table


def trim_constants(table: dict[str, list[str]], names: dict[str, object]) -> None:
    """Constants and colours reach most modules by star imports: keep them where they live."""
    home = {
        name
        for name, obj in names.items()
        if kind(name, obj) in ("constant", "color")
    }
    for module, public in table.items():
        if module == "manim.constants" or module.startswith("manim.utils.color"):
            continue
        table[module] = [name for name in public if name not in home]
    for module in [module for module, public in table.items() if not public]:
        del table[module]


def dump(document: dict) -> str:
    """JSON with one entry per line in every table."""
    parts = []
    for section, value in document.items():
        if not isinstance(value, dict):
            parts.append(f"{json.dumps(section)}: {json.dumps(value)}")
            continue
        lines = ",\n".join(
            f"{json.dumps(name)}: {json.dumps(value[name], separators=(',', ':'))}"
            for name in sorted(value)
        )
        parts.append(f"{json.dumps(section)}: {{\n{lines}\n}}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    names = star_names()
    exported = {obj for obj in names.values() if inspect.isclass(obj)}
    internal: dict[str, type] = {}
    for cls in exported:
        for base in cls.__mro__[1:]:
            if is_own(base) and base not in exported:
                internal[base.__name__] = base

    methods = {}
    for cls in exported | set(internal.values()):
        if is_own(cls):
            members = own_members(cls)
            if members:
                methods[cls.__name__] = members

    modules = module_table()
    trim_constants(modules, names)

    taken = set(names)
    ce_members = {member for members in methods.values() for member in members}
    # the Cairo classes decide here: OpenGL twins keep some of ManimGL's methods
    cairo = {
        member
        for cls in exported
        if is_own(cls) and not cls.__name__.startswith("OpenGL")
        for member in methods.get(cls.__name__, ())
    }
    scene_members = {
        member
        for cls in exported
        if issubclass(cls, Scene)
        for member in methods.get(cls.__name__, ())
    }
    taken_members = cairo | {f"self.{member}" for member in scene_members}

    document = {
        "manim": manim.__version__,
        "names": {name: entry(name, obj) for name, obj in names.items()},
        "internal": {name: entry(name, cls) for name, cls in internal.items()},
        "modules": modules,
        "methods": methods,
        "gl_only": weights(GL_ONLY, taken),
        "gl_attributes": weights(GL_ATTRIBUTES, taken_members),
        "gl_keywords": weights(GL_KEYWORDS, set()),
        "gl_modules": weights(GL_MODULES, set()),
        "gl_class_attributes": weights(GL_CLASS_ATTRIBUTES, set()),
    }
    release = ".".join(manim.__version__.split(".")[:2])
    default = Path(__file__).with_name(f"manim-{release}.json")
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    out.write_text(dump(document), encoding="utf-8")
    print(
        f"{out.name}: {len(names)} names, {len(modules)} modules, "
        f"{len(methods)} classes with {len(ce_members)} member names"
    )


if __name__ == "__main__":
    main()
