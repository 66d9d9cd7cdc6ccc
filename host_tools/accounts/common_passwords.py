"""Words that people take for passwords first. Small and local on purpose: a password has twelve characters or more, so
of the long public lists only few lines would count; and most of those are one of these words with something around it.

After what stands at the top of published lists of leaked passwords, and words of this trade. Lower case; what stands
around a word, and blanks, are taken off before it is looked up.
"""

from __future__ import annotations

_WORDS = """
abc abcd abcdef abcdefgh abcdefghi abcdefghij abcdefghijk abcdefghijkl access adgangskode admin adminadmin
administration administrator administrators adminpassword alexander america andrew arsenal asdfasdf asdfasdfasdf
asdfgh asdfghjkl asdfghjklasdf ashley august azerty azertyuiop azertyuiopqsdf bailey barcelona baseball basketball
batman bienvenue bismillah bodycam bodycamera bodyworn bodyworncamera butterfly camera cameracamera cameras charlie
chelsea chocolate christian christopher computer computers contrasena controller cookie correcthorsebatterystaple
daniel december default defaultpassword demo dragon elephant elizabeth evidence evidenceevidence february flower
football footballfootball freedom friday friends geheim geheimnis geheimpasswort google guest hallo hallohallo
hannah haslo hello hellohello helloworld hunter iloveyou iloveyouiloveyou iloveyousomuch internet jennifer jessica
jordan joshua justin kennwort killer letmein letmeinletmein letmeinnow liverpool login loginlogin london losenord
lovelove loveyou manager manchester manchesterunited march master masterkey matthew metropolitan michael michelle
monday monkey motdepasse mustang mypassword mypasswordis myspace newyork nicole ninja november october officer
openbwc openopen opensesame operator oracle pa55word parola pass passcode passord passpass passphrase passw0rd
password passwordone passwordpassword passwords passwort passwortpasswort pokemon police policeman policeofficer
policia polis polizei princess qazwsx qazwsxedc qazwsxedcrfv qwer qwerasdf qwerasdfzxcv qwert qwerty qwertyqwerty
qwertyui qwertyuiop qwertyuiopasdf qwertyuiopasdfghjkl qwertz qwertzuiop raspberry raspberrypi root rootpassword
rootroot salasana sample saturday schatz secret secretpassword secretsecret security senha september shadow sheriff
soccer soleil spiderman starwars summer summertime sunday sunshine sunshinesunshine superman superuser support
system systemadmin target temp temporary test tester testing testpassword testtest thisisapassword thisismypassword
thomas thursday toor trustno trustnoone tuesday unbelievable unknown user username viewer wachtwoord warcraft
wednesday welcome welcometo welcomewelcome whatever whateverwhatever william willkommen winter zaqwsx zaqxswcde
zxcvbn zxcvbnm zxcvbnmasdfghjkl
"""

WORDS: frozenset[str] = frozenset(_WORDS.split())
